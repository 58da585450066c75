// The epoch slider: which network the views show. Its right end is the newest network, which moves
// on while the run trains; anywhere else the views show the network as it was after that epoch.
(function () {
  "use strict";

  const PLAY_MS = 700;
  const VIEWS = ["gallery", "mistakes", "draw", "inside", "embedding", "runs"]; // of a network
  const SLIDER = `
    <button type="button" class="btn btn-sm btn-outline-secondary"
      title="Run through the epochs">▶</button>
    <label for="epoch-slider" class="small">Network after epoch</label>
    <input id="epoch-slider" type="range" class="form-range" min="0" max="0" value="0">
    <span id="epoch-live" class="small">newest</span>`;

  let networks = null; // the newest network's version and the epochs that are kept
  let tab = null;
  let playing = null;
  const sent = {}; // the version that each view has

  const { addCallbacks, noUpdate, setProps } = window.digitlab;
  const element = (id) => document.getElementById(id);
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
    bar.dataset.version = version ?? "";
    element("epoch-live").textContent = isAtEnd() ? "newest" : `${epoch()} of ${last()}`;
    if (!VIEWS.includes(tab) || (sent[tab] === version && !again)) return false;
    sent[tab] = version;
    setProps({ type: "version", view: tab }, { data: version });
    return true;
  }

  function update(found) {
    const wasAtEnd = isAtEnd();
    const before = last();
    networks = found;
    slider().max = last(); // and moves it there, if it was beyond
    if (wasAtEnd) slider().value = last();
    element("epoch-bar").style.visibility = networks.kept.length < 2 ? "hidden" : "visible";
    // The history of a drawing grows with each epoch that is kept, whichever network is shown.
    if (!show() && tab === "draw" && last() !== before) setProps("draw-last", { data: last() });
  }

  function seek(position) {
    slider().value = position;
    show();
  }

  function play() {
    const button = element("epoch-bar").querySelector("button");
    if (playing) {
      clearInterval(playing);
      playing = null;
      button.textContent = "▶";
      return;
    }
    if (isAtEnd()) seek(0);
    playing = setInterval(step, PLAY_MS);
    button.textContent = "⏸";
  }

  function step() {
    if (window.live.waits()) return; // no faster than the views follow
    seek(Number(slider().value) + 1);
    if (isAtEnd()) play();
  }

  window.live.drawn.then(() => {
    const bar = element("epoch-bar");
    bar.innerHTML = SLIDER;
    bar.querySelector("button").addEventListener("click", play);
    slider().addEventListener("input", () => show());
  });
  window.live.listen(({ network }) => {
    if (network) window.live.whenIdle("networks", () => update(network));
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
  };

  addCallbacks("epochSlider", {
    seek: (click) => {
      const x = click?.points?.[0]?.x;
      if (x !== undefined) window.digitlab.slider.seek(x);
      return noUpdate();
    },
  });
})();
