// The epoch slider: which network the views show. Its right end is the newest network, which moves
// on while the run trains; anywhere else the views show the network as it was after that epoch.
(function () {
  "use strict";

  const PLAY_MS = 700;
  const VIEWS = ["gallery", "mistakes", "draw", "inside", "embedding", "runs"]; // of a network
  const SLIDER = `
    <button type="button" class="btn btn-sm btn-outline-secondary" title="Run through the epochs">▶</button>
    <label for="epoch-slider" class="small">Network after epoch</label>
    <input id="epoch-slider" type="range" class="form-range" min="0" max="0" value="0">
    <span id="epoch-live" class="small">newest</span>`;

  let networks = null; // the newest network's version and the epochs that are kept
  let tab = null;
  let playing = null;
  const told = {}; // the version that each view knows

  const set_props = (...change) => window.dash_clientside.set_props(...change);
  const element = (id) => document.getElementById(id);
  const slider = () => element("epoch-slider");
  const last = () => networks?.kept.at(-1) ?? 0;
  const isAtEnd = () => Number(slider().value) >= last();

  // RUN/REVISION/PLACE, with e3 as the place for epoch 3.
  function shown() {
    const { newest, kept } = networks;
    if (isAtEnd() || !newest) return newest;
    const [run, revision] = newest.split("/");
    return `${run}/${revision}/e${epoch(kept)}`;
  }

  const epoch = (kept) => kept.findLast((one) => one <= Number(slider().value)) ?? kept[0];

  // Only the view in sight hears of another network: each that does takes its time. One that comes
  // into sight hears of it again, as other things may have changed.
  function show(again = false) {
    if (!networks) return false;
    const version = shown();
    const bar = element("epoch-bar");
    bar.dataset.version = version ?? "";
    element("epoch-live").textContent = isAtEnd() ? "newest" : `${epoch(networks.kept)} of ${last()}`;
    if (!VIEWS.includes(tab) || (told[tab] === version && !again)) return false;
    told[tab] = version;
    set_props({ type: "version", view: tab }, { data: version });
    return true;
  }

  function take(found) {
    const wasAtEnd = isAtEnd();
    const before = last();
    networks = found;
    slider().max = last(); // and moves it there, if it was beyond
    if (wasAtEnd) slider().value = last();
    element("epoch-bar").style.visibility = networks.kept.length < 2 ? "hidden" : "visible";
    // The course of a drawing grows with each epoch that is kept, whichever network is shown.
    if (!show() && tab === "draw" && last() !== before) set_props("draw-last", { data: last() });
  }

  function goTo(place) {
    slider().value = place;
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
    if (isAtEnd()) goTo(0);
    playing = setInterval(step, PLAY_MS);
    button.textContent = "⏸";
  }

  function step() {
    if (window.live.waits()) return; // no faster than the views follow
    goTo(Number(slider().value) + 1);
    if (isAtEnd()) play();
  }

  window.live.drawn.then(() => {
    const bar = element("epoch-bar");
    bar.innerHTML = SLIDER;
    bar.querySelector("button").addEventListener("click", play);
    slider().addEventListener("input", () => show());
  });
  window.live.listen(({ network }) => {
    if (network) window.live.whenIdle("networks", () => take(network));
  });
  document.addEventListener("navigate", ({ detail }) => {
    const again = tab !== detail.tab;
    tab = detail.tab;
    show(again);
  });

  const noUpdate = () => window.dash_clientside.no_update;

  Object.assign(window.digitlab, {
    // The epoch of a place on a curve: the first whose end comes after it.
    seek: (x) => goTo(Math.ceil(x)),
    seekNewest: () => goTo(last()),
  });
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    scrubber: {
      // A click on a drawing's course.
      seek: (click) => {
        const x = click?.points?.[0]?.x;
        if (x !== undefined) window.digitlab.seek(x);
        return noUpdate();
      },
    },
  });
})();
