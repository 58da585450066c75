// The live curves. Python gives their look (dashboard/components/live_curves.py); this script fills
// in the points of the run that is followed. It draws nothing while somebody drags on a curve.
(function () {
  "use strict";

  const { duration, openTab, percent, saveInTurn } = window.digitlab;

  const SHORTEST_MS = 250; // between two drawings of points that came
  const LONGEST_MS = 1000;
  const COST = 8; // times as long as a drawing takes: the browser has other things to do, too
  const FEWEST_OWN = 5; // a share of fewer drawings says nothing
  const CONFIG = { displayModeBar: false, scrollZoom: false, doubleClick: false };

  const SPANS = [10, 20, 50]; // percentage points that the axis of accuracies may show
  const LOG_TICKS = [-4, -3, -2, -1, 0, 1].flatMap((power) =>
    [1, 2, 5].map((digit) => Number(`${digit}e${power}`)),
  );
  const RATE_STRIP = 0.26; // of the height, below the curve
  const LABEL_GAP = { compact: 16, large: 36 }; // pixels: one line of text or two
  const LABEL_INSET = 8;
  const ALWAYS = ["raw", "train", "mean", "test"]; // traces that are there without points, too
  const SIDE = 0.6; // of the width: from here on, notes stand left of what they describe

  const series = { run: undefined, batches: [], epochs: [], changes: [], own: null };
  const PLAIN = { smoothing: 0.6, log: false, rate: false, seconds: false };
  let style = PLAIN;
  let dragging = false;
  let timer = null;
  let drawnAt = 0;
  let cost = 0;
  let title = ""; // of the run, for the names of files
  let marked = null; // the epoch at which the epoch slider stands; null at its end

  window.live.listen(({ shown, from, events, run }) => {
    const another = shown !== series.run;
    if (another) series.own = null; // another run's networks read the drawings otherwise
    if (another || from === 0) {
      Object.assign(series, { run: shown, batches: [], epochs: [], changes: [] });
    }
    const kinds = { batch: series.batches, epoch: series.epochs, rate: series.changes };
    for (const event of events ?? []) kinds[event.kind].push(event);
    if (run) title = run.name || `Run ${run.number}`;
    if (another || events) changed();
  });

  function observe() {
    curves().forEach((graph) => resized.observe(graph)); // again does no harm
    changed();
  }
  window.live.drawn.then(() => {
    observe();
    const bar = document.getElementById("epoch-bar");
    new MutationObserver(() => mark(bar.dataset.version)).observe(bar, {
      attributeFilter: ["data-version"],
    });
  });
  document.addEventListener("built", observe);

  // Marks the epoch of the network that the views show, unless it is the newest one.
  function mark(version) {
    const epoch = /\/e(\d+)$/.exec(version)?.[1];
    const next = epoch === undefined ? null : Number(epoch);
    if (next === marked) return;
    marked = next;
    document.dispatchEvent(new CustomEvent("epochMarked", { detail: marked }));
    changedByHand();
  }

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

  // Where an event, or the end of an epoch, is on the axis across: in epochs or in seconds.
  const place = (event, seconds) => (seconds ? event.seconds : event.progress);
  function placeOfEpoch(epoch, seconds) {
    if (!seconds || epoch === 0) return epoch;
    return series.epochs.find(({ progress }) => progress === epoch)?.seconds;
  }

  // The reverse: the progress in epochs at a place.
  function progressAt(x, seconds) {
    if (!seconds) return x;
    const { batches, epochs } = series;
    const isLater = (event) => event.seconds >= x;
    const later = [batches, epochs].flatMap((events) => events.find(isLater) ?? []);
    return Math.min(...later.map(({ progress }) => progress), lastPlace());
  }

  const lastPlace = (seconds = false) =>
    Math.max(...[series.batches, series.epochs].map((events) =>
      events.length ? place(events.at(-1), seconds) : 0,
    )) || 1;

  // x, y and what else belongs into each trace, by the trace's `uid`. Accuracies are in percent.
  function columns(metric, { smoothing, rate, seconds }) {
    const { batches, epochs, changes, own } = series;
    const unit = metric === "accuracy" ? 100 : 1;
    const across = (events) => events.map((event) => place(event, seconds));
    const of = (events, name) => events.map((event) => unit * event[name]);
    const ends = epochs.filter((event) => event.progress === event.epoch);
    const x = across(batches);
    const raw = of(batches, metric);
    // A change of the learning rate stands on the curve as it was then.
    const before = ({ step }) => batches.findLast((batch) => batch.step <= step) ?? batches[0];
    const drawings = (scores, name) => ({
      x: scores.map(({ epoch }) => placeOfEpoch(epoch, seconds)),
      y: scores.map(({ right, count }) => (100 * right) / count),
      customdata: scores.map(({ right, count }) => [right, count]),
      name: `${name} (${scores[0]?.count})`,
    });
    const known = (scores) => (scores?.[0]?.count >= FEWEST_OWN ? scores : []);
    return {
      raw: { x, y: raw },
      train: { x, y: smoothed(raw, smoothing) },
      mean: { x: across(ends), y: of(ends, `train_${metric}`) },
      test: { x: across(epochs), y: of(epochs, `test_${metric}`) },
      change: {
        x: across(changes),
        y: changes.map((change) => unit * before(change)?.[metric]),
        customdata: changes.map(({ learning_rate }) => plain(learning_rate)),
      },
      rate: rate ? { x, y: batches.map((event) => event.learning_rate) } : {},
      own: drawings(known(own?.fresh), "your handwriting"),
      taught: drawings(known(own?.taught), "taught drawings"),
    };
  }

  // 0.004, never 4e-3.
  const plain = (value) =>
    Number(value.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 5 });
  const text = (metric, value) =>
    metric === "accuracy" ? percent(value / 100) : value.toFixed(value < 0.1 ? 3 : 2);

  // The part of the value axis that matters, in the axis's own unit.
  function rangeOf(metric, filled, log) {
    const { raw, train, test } = filled;
    if (metric === "accuracy") {
      const worst = Math.min(...test.y, test.y.length ? train.y.at(-1) ?? 100 : 0);
      return [100 - (SPANS.find((span) => span >= 1.25 * (100 - worst)) ?? 100), 100];
    }
    const values = [...raw.y, ...test.y].filter((value) => Number.isFinite(value) && value > 0);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (!values.length) return log ? [-2, 1] : [0, 1];
    if (!log) return [0, 1.05 * high];
    const room = 0.05 * Math.log10(high / low) || 0.1;
    return [Math.log10(low) - 2 * room, Math.log10(high) + room]; // the axis has its name below
  }

  // Moves the labels of one or two lines as little as possible, so that they are `gap` apart and
  // none is outside of the bounds.
  function pushApart(places, gap, low, high) {
    const clamp = (place, least, most) => Math.min(Math.max(place, least), Math.max(most, least));
    if (places.length < 2) return places.map((place) => clamp(place, low, high));
    const [lower, upper] = [Math.min(...places), Math.max(...places)];
    const missing = Math.max(0, gap - (upper - lower)) / 2;
    const moved = [
      clamp(lower - missing, low, high - gap),
      clamp(upper + missing, low + gap, high),
    ];
    return places[0] > places[1] ? moved.reverse() : moved;
  }

  // The names and last values of the lines, at their ends.
  function labelsOf(graph, filled, [low, high], pixels, last, log) {
    const { metric } = graph.dataset;
    const small = isCompact(graph);
    const scaled = (value) => (log ? Math.log10(value) : value);
    const ends = ["train", "test"].filter((uid) => Number.isFinite(filled[uid].y.at(-1)));
    const axis = ends.map((uid) => Math.min(Math.max(scaled(filled[uid].y.at(-1)), low), high));
    const pixel = (high - low) / pixels;
    const gap = small ? LABEL_GAP.compact : LABEL_GAP.large;
    const bounds = [low / pixel, high / pixel - (small ? 0 : LABEL_INSET)];
    const places = pushApart(axis.map((value) => value / pixel), gap, ...bounds);
    const space = small ? " " : "<br>\u2003";
    const labels = {
      x: ends.map(() => last),
      y: places.map((place) => (log ? 10 ** (place * pixel) : place * pixel)),
      text: ends.map((uid) => `\u2003${uid}${space}${text(metric, filled[uid].y.at(-1))}`),
    };
    const rate = filled.rate.y?.at(-1);
    if (rate === undefined) return { labels };
    const name = `\u2003rate<br>\u2003${plain(rate)}`;
    return { labels, "rate-label": { x: [last], y: [rate], text: [name] } };
  }

  // Puts the band to the marked epoch, and its test value where no curve is.
  function placeMark(layout, metric, filled, share, seconds) {
    const at = marked === null ? undefined : placeOfEpoch(marked, seconds);
    if (!layout.shapes || !(at <= lastPlace(seconds))) {
      layout.shapes = [];
      return;
    }
    for (const shape of layout.shapes) shape.xanchor = at;
    const value = filled.test.y[filled.test.x.indexOf(at)];
    const left = at > SIDE * lastPlace(seconds);
    layout.annotations.push({
      text: `<b>epoch ${marked}${value === undefined ? "" : `: ${text(metric, value)}`}</b>`,
      x: at,
      xanchor: left ? "right" : "left",
      xshift: left ? -10 : 10,
      yref: "paper",
      y: metric === "loss" ? 1 : 1.04 - share, // where the curve is not
      yanchor: metric === "loss" ? "top" : "bottom",
      showarrow: false,
    });
  }

  // The figure as Python gives it, with the points.
  function figureOf(graph) {
    const { metric } = graph.dataset;
    const { smoothing, log: wanted, rate, seconds } = styleOf(graph);
    const log = wanted && metric === "loss";
    const figure = JSON.parse(graph.dataset.figure);
    const { layout } = figure;
    const filled = columns(metric, { smoothing, rate, seconds });
    const last = lastPlace(seconds);
    const range = rangeOf(metric, filled, log);
    const share = rate ? 1 - RATE_STRIP : 1;
    const pixels = share * (graph.clientHeight - layout.margin.t - layout.margin.b);
    Object.assign(filled, labelsOf(graph, filled, range, Math.max(pixels, 1), last, log));
    placeMark(layout, metric, filled, share, seconds);
    Object.assign(layout.xaxis, { range: graph.zoom?.x ?? [0, last] });
    Object.assign(layout.yaxis, { range: graph.zoom?.y ?? range, domain: [1 - share, 1] });
    if (rate) layout.xaxis.anchor = "y2";
    const ticks = { type: "log", tickvals: LOG_TICKS, ticktext: LOG_TICKS.map(String) };
    if (log) Object.assign(layout.yaxis, ticks);
    if (seconds) {
      layout.xaxis.unifiedhovertitle = { text: "after %{x:.1~f} s" };
      layout.annotations[0].text = "seconds";
    }
    const data = figure.data.map((trace) => ({ ...trace, ...filled[trace.uid] }));
    // Each empty trace would take its time, and on the second axis would show that axis.
    return { data: data.filter(({ uid, x }) => x.length || ALWAYS.includes(uid)), layout };
  }

  const isEmpty = () => !series.batches.length && !series.epochs.length;
  const isCompact = (graph) => graph.closest(".curve").classList.contains("compact");
  const styleOf = (graph) => (isCompact(graph) ? PLAIN : style);

  function draw(graph) {
    const curve = graph.closest(".curve");
    curve.dataset.empty = isEmpty();
    curve.toggleAttribute("data-no-run", !series.run);
    graph.dataset.stale = "";
    if (isEmpty()) return;
    if (graph.dataset.run !== series.run) zoom(graph, null);
    graph.dataset.run = series.run;
    const first = !graph.layout;
    const { data, layout } = figureOf(graph);
    window.Plotly.react(graph, data, layout, CONFIG);
    if (!first) return;
    graph.on("plotly_click", ({ points: [point] }) =>
      window.digitlab.slider.seek(progressAt(point.x, styleOf(graph).seconds)),
    );
    graph.on("plotly_doubleclick", () => reset(graph));
    graph.on("plotly_relayout", (change) => {
      if (!Object.keys(change).some((key) => /^[xy]axis\.range/.test(key))) return;
      const { xaxis, yaxis } = graph.layout;
      zoom(graph, { x: [...xaxis.range], y: [...yaxis.range] });
    });
  }

  function zoom(graph, ranges) {
    graph.zoom = ranges;
    graph.closest(".curve").toggleAttribute("data-zoomed", Boolean(ranges));
  }

  function reset(graph) {
    zoom(graph, null);
    graph.dataset.stale = "yes";
    drawNow();
  }

  // A curve came into sight, or the window has another size.
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.layout && visible(target)) {
        window.Plotly.Plots.resize(target);
        target.dataset.stale = "yes"; // the labels stand elsewhere
      }
    }
    drawNow();
  });

  const curves = () => [...document.querySelectorAll(".live-curve")];
  const visible = (graph) => graph.closest(".curve").offsetParent !== null;

  // Plotly is large: it waits until there is a run to draw, and until the page is painted.
  let plotly = null;
  function loadPlotly() {
    plotly ??= new Promise((resolve) => {
      (window.requestIdleCallback ?? setTimeout)(() => {
        if (window.Plotly) return resolve(); // Dash has loaded it for a figure of its own
        const script = document.createElement("script");
        Object.assign(script, { src: window._dashPlotlyJSURL, onload: resolve });
        script.onerror = () => (plotly = null); // the next points try again
        document.body.append(script);
      });
    });
    plotly.then(drawNow);
  }

  function drawStale() {
    timer = null;
    if (dragging) return;
    const stale = curves().filter((graph) => graph.dataset.stale !== "" && visible(graph));
    if (!stale.length) return;
    if (!window.Plotly && series.run) return loadPlotly();
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
    for (const graph of curves()) {
      graph.dataset.stale = "yes";
      const { dataset } = graph.closest(".curve");
      if (!isEmpty() && dataset.empty !== "false") dataset.empty = "coming";
    }
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

  // The keyboard's way along the evaluations.

  const STEPS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

  document.addEventListener("keydown", (event) => {
    const graph = event.target.closest?.(".live-curve");
    const { epochs } = series;
    if (!graph?.layout || !epochs.length) return;
    const last = epochs.length - 1;
    if (event.key in STEPS) {
      const step = STEPS[event.key];
      graph.at = Math.min(Math.max((graph.at ?? (step < 0 ? last + 1 : -1)) + step, 0), last);
      tell(graph, epochs[graph.at]);
    } else if (event.key === "Enter" && graph.at !== undefined) {
      window.digitlab.slider.seek(epochs[Math.min(graph.at, last)].progress);
    } else return;
    event.preventDefault();
  });
  document.addEventListener("focusout", ({ target }) => {
    if (target.matches?.(".live-curve") && target.layout) window.Plotly.Fx.unhover(target);
  });

  // Shows and says the values of an evaluation.
  function tell(graph, event) {
    window.Plotly.Fx.hover(graph, { xval: place(event, styleOf(graph).seconds), yval: 0 }, "xy");
    const { metric } = graph.dataset;
    const unit = metric === "accuracy" ? 100 : 1;
    const value = (name) => text(metric, unit * event[`${name}_${metric}`]);
    graph.closest(".curve").querySelector(".curve-readout").textContent =
      `Epoch ${Number(event.progress.toFixed(2))}: test ${metric} ${value("test")}, ` +
      `train ${metric} ${value("train")}, after ${duration(event.seconds)}.`;
  }

  document.addEventListener("click", ({ target }) => {
    const graph = target.closest(".curve")?.querySelector(".live-curve");
    if (!graph) return;
    if (target.closest(".curve-reset")) reset(graph);
    else if (target.closest(".curve-table")) openTab("curves");
    else if (target.closest(".curve-train")) openTab("train");
  });

  // Pictures are white and have the light theme's colours, as the figure has.
  async function download(format) {
    for (const graph of curves().filter((one) => visible(one) && one.layout)) {
      const { data, layout } = figureOf(graph);
      Object.assign(layout, { paper_bgcolor: "#fff", plot_bgcolor: "#fff" });
      const { width, height } = graph.getBoundingClientRect();
      const filename = `${title} ${graph.dataset.metric}`.replaceAll(/[^\p{L}\p{N}]+/gu, "-");
      const options = { format, filename, width, height, scale: 2 };
      await saveInTurn(() => window.Plotly.downloadImage({ data, layout }, options));
    }
  }

  window.live.curves = {
    download,

    setStyle: (newStyle) => {
      const isOther = newStyle.log !== style.log || newStyle.seconds !== style.seconds;
      const large = curves().filter((graph) => !isCompact(graph));
      if (isOther) large.forEach((graph) => zoom(graph, null));
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
