// The live curves. Python gives their look (dashboard/components/live_curves.py); this script fills
// in the points of the run that is followed. It draws nothing while somebody drags on a curve.
(function () {
  "use strict";

  const SHORTEST_MS = 250; // between two drawings of points that came
  const LONGEST_MS = 1000;
  const COST = 5; // times as long as a drawing takes: the browser has other things to do, too
  const FEWEST_OWN = 5; // a share of fewer drawings says nothing
  const PLOTLY_MS = 50;
  const CONFIG = {
    displaylogo: false,
    scrollZoom: false,
    // PNG and SVG have buttons of their own, and nothing is to leave this computer.
    modeBarButtonsToRemove: ["toImage", "sendChartToCloud"],
  };

  const series = { run: undefined, batches: [], epochs: [], changes: [], own: null };
  const PLAIN = { smoothing: 0.6, log: false, rate: false };
  let style = PLAIN;
  let dragging = false;
  let timer = null;
  let drawnAt = 0;
  let cost = 0;

  window.live.listen(({ shown, from, events }) => {
    const another = shown !== series.run;
    if (another) series.own = null; // another run's networks read the drawings otherwise
    if (another || from === 0) {
      Object.assign(series, { run: shown, batches: [], epochs: [], changes: [] });
    }
    const kinds = { batch: series.batches, epoch: series.epochs, rate: series.changes };
    for (const event of events ?? []) kinds[event.kind].push(event);
    if (another || events) changed();
  });

  function observe() {
    curves().forEach((graph) => resized.observe(graph)); // again does no harm
    changed();
  }
  window.live.drawn.then(observe);
  document.addEventListener("built", observe);

  // An exponential moving average, debiased as in Adam (Kingma and Ba 2015, section 3): it starts
  // at the first value, not at zero.
  function smoothed(values, weight) {
    let average = 0;
    let scale = 1;
    return values.map((value) => {
      average = weight * average + (1 - weight) * value;
      scale *= weight;
      return average / (1 - scale);
    });
  }

  // x, y and what else belongs into each trace, by the trace's `meta`.
  function columns(metric, { smoothing, rate }) {
    const { batches, epochs, changes, own } = series;
    const progress = (events) => events.map((event) => event.progress);
    const of = (events, name) => events.map((event) => event[name]);
    const ends = epochs.filter((event) => event.progress === event.epoch);
    const x = progress(batches);
    const raw = of(batches, metric);
    // A change of the learning rate stands on the curve as it was then.
    const before = ({ step }) => batches.findLast((batch) => batch.step <= step) ?? batches[0];
    const drawings = (scores, name) => ({
      x: of(scores, "epoch"),
      y: scores.map(({ right, count }) => right / count),
      customdata: scores.map(({ right, count }) => [right, count]),
      name: `${name} (${scores[0]?.count})`,
    });
    const known = (scores) => (scores?.[0]?.count >= FEWEST_OWN ? scores : []);
    return {
      "train, raw": { x, y: raw },
      "train, smoothed": { x, y: smoothed(raw, smoothing) },
      "train, epoch mean": { x: progress(ends), y: of(ends, `train_${metric}`) },
      test: { x: progress(epochs), y: of(epochs, `test_${metric}`) },
      "new learning rate": {
        x: progress(changes),
        y: changes.map((change) => before(change)?.[metric]),
      },
      "learning rate": rate ? { x, y: of(batches, "learning_rate") } : {},
      own: drawings(known(own?.fresh), "your handwriting"),
      taught: drawings(known(own?.taught), "taught drawings"),
    };
  }

  // The figure as Python gives it, in the colours of a theme: of the page's, or of an element's.
  function figureOf(graph, element = document.documentElement) {
    const colours = getComputedStyle(element);
    const json = graph.dataset.figure.replaceAll(/var\((--[a-z]+)\)/g, (_, name) =>
      colours.getPropertyValue(name).trim(),
    );
    return JSON.parse(json);
  }

  function tracesOf(graph, element) {
    const filled = columns(graph.dataset.metric, styleOf(graph));
    // A trace on the second axis, even an empty one, would show that axis.
    const { data } = figureOf(graph, element);
    const wanted = data.filter(({ meta }) => styleOf(graph).rate || meta !== "learning rate");
    return wanted.map((trace) => ({ ...trace, ...filled[trace.meta] }));
  }

  const styleOf = (graph) => (graph.id === "train-curve" ? PLAIN : style);

  // The layout that Plotly has keeps a zoom. Another run or scale begins with a fresh one.
  function layoutOf(graph) {
    const { log } = styleOf(graph);
    const run = series.run;
    let layout = graph.layout;
    if (!layout || graph.dataset.run !== run) layout = figureOf(graph).layout;
    const type = log ? "log" : "linear";
    if (layout.yaxis.type !== type) layout.yaxis = { ...figureOf(graph).layout.yaxis, type };
    layout.uirevision = run; // keeps traces hidden that somebody hid in the legend
    graph.dataset.run = run;
    return layout;
  }

  function draw(graph) {
    const empty = !series.batches.length;
    graph.closest(".curve").dataset.empty = empty;
    graph.dataset.stale = "";
    if (empty) return;
    const first = !graph.layout;
    window.Plotly.react(graph, tracesOf(graph), layoutOf(graph), CONFIG);
    if (!first) return;
    graph.on("plotly_click", ({ points: [point] }) => window.digitlab.slider.seek(point.x));
  }

  // A curve came into sight, or the window has another size.
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.layout && visible(target)) window.Plotly.Plots.resize(target);
    }
    drawNow();
  });

  const curves = () => [...document.querySelectorAll(".live-curve")];
  const visible = (graph) => graph.closest(".curve").offsetParent !== null;

  function drawStale() {
    timer = null;
    if (dragging) return;
    const stale = curves().filter((graph) => graph.dataset.stale !== "" && visible(graph));
    if (!stale.length) return;
    if (!window.Plotly) {
      timer = setTimeout(drawStale, PLOTLY_MS); // Dash loads it for its own figures
      return;
    }
    const begun = performance.now();
    stale.forEach(draw);
    drawnAt = performance.now();
    cost = drawnAt - begun;
  }

  function schedule() {
    const pause = Math.min(Math.max(SHORTEST_MS, COST * cost), LONGEST_MS);
    timer ??= setTimeout(drawStale, Math.max(0, drawnAt + pause - performance.now()));
  }

  function changed() {
    for (const graph of curves()) graph.dataset.stale = "yes";
    schedule();
  }

  // For what somebody did.
  function drawNow() {
    clearTimeout(timer);
    timer = setTimeout(drawStale);
  }

  function changedByHand() {
    changed();
    drawNow();
  }

  window.addEventListener(
    "pointerdown",
    ({ target }) => {
      if (target.closest?.(".live-curve")) dragging = true;
    },
    true,
  );
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(
      end,
      () => {
        if (!dragging) return;
        dragging = false;
        schedule(); // Plotly handles the end of the drag first
      },
      true,
    );
  }
  window.addEventListener("theme", changedByHand);

  function download(format) {
    const light = document.createElement("div");
    light.dataset.bsTheme = "light";
    document.body.append(light);
    for (const graph of curves().filter((one) => visible(one) && one.layout)) {
      const { width, height } = graph.getBoundingClientRect();
      const font = { ...graph.layout.font, color: "#212529" };
      const paper = { paper_bgcolor: "#fff", plot_bgcolor: "#fff" };
      const figure = { data: tracesOf(graph, light), layout: { ...graph.layout, ...paper, font } };
      const filename = graph.id;
      window.Plotly.downloadImage(figure, { format, filename, width, height, scale: 2 });
    }
    light.remove();
  }

  window.live.curves = {
    download,

    setStyle: (newStyle) => {
      style = newStyle;
      changedByHand();
    },

    // How the networks of the run read the visitor's own drawings; null if that is not known.
    setOwnScores: (scores) => {
      if (JSON.stringify(scores) === JSON.stringify(series.own)) return;
      series.own = scores;
      changed();
    },
  };
})();
