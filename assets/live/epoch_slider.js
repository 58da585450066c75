// The epoch slider: the progress of the run, and which network the views show. Its right end is the
// newest network, which moves on while the run trains; anywhere else the views show the network as
// it was after that epoch.
(function () {
  "use strict";

  const PLAY_MS = 700;
  const NETWORK_MS = 1000;
  const MOST_TICKS = 60; // more would lie on each other

  let networks = null; // the newest network's version and the epochs that are kept
  let run = null;
  let progress = 0; // epochs that the run has trained
  let tab = null;
  let playing = null;
  let stepping = false;
  let updatedAt = -Infinity;
  let later = null; // the timer of the next network
  const sent = {}; // the version that each view has

  const { element, exists, make, setProps } = window.digitlab;
  const slider = () => element("epoch-slider");
  const last = () => networks?.kept.at(-1) ?? 0;
  const isAtEnd = () => Number(slider().value) >= last();

  // The kept epoch at the slider, or before it.
  const epoch = () =>
    networks.kept.findLast((one) => one <= Number(slider().value)) ?? networks.kept[0];

  // RUN/REVISION/POSITION, with e3 as the position of epoch 3.
  function shownVersion() {
    if (isAtEnd() || !networks.newest) return networks.newest;
    const [run, revision] = networks.newest.split("/");
    return `${run}/${revision}/e${epoch()}`;
  }

  // Sends another network only to the view in sight: each takes its time. A view that comes into
  // sight gets it again, as other things may have changed.
  function show(again = false) {
    if (!networks) return false;
    const version = shownVersion();
    const bar = element("epoch-bar");
    const another = bar.dataset.version !== (version ?? "");
    bar.dataset.version = version ?? "";
    if (another) document.dispatchEvent(new Event("version"));
    paint();
    const store = { type: "version", view: tab }; // only the views of a network have one
    if (!exists(store) || (sent[tab] === version && !again)) return false;
    sent[tab] = version;
    setProps(store, { data: version });
    return true;
  }

  function words() {
    if (!run || run.state === "queued") return ["", ""];
    if (!isAtEnd()) return [`Epoch ${epoch()}`, ""];
    const where = String(Math.floor(10 * progress) / 10);
    return [run.state === "running" ? "Live" : "Latest", `, epoch ${where}`];
  }

  // The knob and the words. The reel is as long as the run's epochs, the slider as what is kept.
  function paint() {
    const total = Math.max(run?.epochs ?? 0, last(), progress, 1);
    const share = (epochs) => `${((100 * epochs) / total).toFixed(2)}%`;
    const reel = element("epoch-reel");
    reel.style.setProperty("--trained", share(progress));
    reel.style.setProperty("--epochs", total);
    reel.classList.toggle("without-ticks", total > MOST_TICKS);
    const atEnd = isAtEnd();
    const end = share(atEnd ? Math.max(progress, last()) : last());
    slider().style.width = `calc(${last() ? end : "0%"} + 18px)`;
    slider().style.left = last() ? "-9px" : `calc(${end} - 9px)`;
    const [where, rest] = words();
    const text = element("epoch-live");
    if (text.textContent !== where + rest) {
      text.replaceChildren(make("b", { textContent: where }), rest);
    }
    slider().setAttribute("aria-valuetext", where + rest);
    element("epoch-latest").hidden = atEnd;
    element("epoch-bar").classList.toggle("off", !run);
    element("epoch-play").disabled = last() < 1;
  }

  function update(found) {
    const wasAtEnd = isAtEnd();
    const before = last();
    networks = found;
    slider().max = last(); // and moves it there, if it was beyond
    if (wasAtEnd) slider().value = last();
    // The history of a drawing grows with each epoch that is kept, whichever network is shown.
    if (!show() && tab === "draw" && last() !== before) setProps("draw-last", { data: last() });
  }

  // Of a run that trains, a network a second is enough to look at: painting one takes time.
  function follow(found) {
    const revisionOf = (of) => of?.newest?.split("/", 2).join("/");
    const isPaced = run?.state === "running" && revisionOf(found) === revisionOf(networks);
    const wait = isPaced ? updatedAt + NETWORK_MS - performance.now() : 0;
    const updateSoon = () =>
      window.live.whenIdle("networks", () => {
        updatedAt = performance.now();
        update(found);
      });
    clearTimeout(later);
    if (wait > 0) later = setTimeout(updateSoon, wait);
    else updateSoon();
  }

  function seek(position) {
    slider().value = position;
    show();
  }

  function play() {
    const button = element("epoch-play");
    if (playing) {
      clearInterval(playing);
      playing = null;
      button.ariaPressed = "false";
      return;
    }
    if (isAtEnd()) seek(0);
    playing = setInterval(step, PLAY_MS);
    button.ariaPressed = "true";
  }

  // No faster than the views follow. Dash takes many small tasks to ask the server: on a busy machine
  // the next step could come before the last of them, and the network in between would not be shown.
  function step() {
    if (stepping) return;
    stepping = true;
    whenFree(() => {
      stepping = false;
      if (!playing || window.live.waits()) return;
      seek(Number(slider().value) + 1);
      if (isAtEnd()) play();
    });
  }
  const whenFree = window.requestIdleCallback ?? setTimeout;

  window.live.drawn.then(() => {
    const input = make("input", {
      id: "epoch-slider", type: "range", min: 0, max: 0, value: 0, ariaLabel: "Epoch shown",
    });
    const parts = ["trained", "ticks"].map((className) => make("i", { className }));
    element("epoch-reel").append(...parts, input);
    input.addEventListener("input", () => show());
    element("epoch-play").addEventListener("click", play);
    element("epoch-latest").addEventListener("click", () => seek(last()));
  });
  window.live.listen((message) => {
    if (message.text) progress = Number(message.text.progress);
    if (message.run || message.shown === null) run = message.run ?? null;
    if (message.network) follow(message.network);
    if (networks && (message.text || message.run)) paint();
  });
  document.addEventListener("navigate", ({ detail }) => {
    const again = tab !== detail.tab;
    tab = detail.tab;
    show(again);
  });

  window.digitlab.slider = {
    // The epoch at a position on a curve: the first whose end comes after it.
    seek: (x) => seek(Math.ceil(x)),
    seekNewest: () => seek(last()),
    // Which network of a run is shown: the epoch, null for the newest, undefined if there is none.
    epochOf: (run) => {
      const [of, , position] = (element("epoch-bar").dataset.version ?? "").split("/");
      if (of !== run || !/\d$/.test(position)) return undefined; // it ends with the run's state
      return position.startsWith("e") ? Number(position.slice(1)) : null;
    },
  };
})();
