// The network of the shown run, drawn with its activations for one test digit: again about once a
// second while it trains and is in sight. dashboard/tabs/train/network.py draws it without pictures.
(function () {
  "use strict";

  const { element, NO_ANSWER: NO_SERVER, percent, setProps, slider } = window.digitlab;

  const REFRESH_MS = 1000;
  const SAMPLE = 4; // the digit that is shown
  const NO_ANSWER = { layers: [], probabilities: Array(10).fill(0.1) };

  let shown; // the id of the run; undefined: not known yet
  let run = null;
  let epoch; // the epoch of the tape; null: the newest network, undefined: there is none
  let formModel = null; // the model of the next run
  let image = null; // the index of the test image
  let answer = null;
  let asking = false;
  let again = false; // whether something else is to be shown since the question that is open
  let inSight = false;

  const model = () => (shown === undefined ? undefined : (run?.config.model ?? formModel));

  async function ask() {
    if (!inSight || epoch === undefined || image === null) return;
    if (asking) {
      again = true;
      return;
    }
    const [ofRun, ofEpoch] = [shown, epoch];
    const at = ofEpoch === null ? "" : `&epoch=${ofEpoch}`;
    asking = true;
    const path = `/api/runs/${ofRun}/activations?image=${image}${at}`;
    const otherwise = (sentence) => (sentence === NO_SERVER ? answer : null);
    const found = await window.digitlab.ask("GET", path).catch(otherwise);
    asking = false;
    if (ofRun === shown && ofEpoch === epoch) {
      answer = found;
      paint();
    }
    if (again) {
      again = false;
      ask();
    }
  }

  function paint() {
    const flow = document.querySelector("#network .flow");
    if (!flow) return;
    const { layers, probabilities } =
      answer && answer.model === flow.dataset.model ? answer : NO_ANSWER;
    flow.querySelectorAll(".layer-maps img").forEach((picture, place) => {
      const { picture: source } = layers[place] ?? {};
      picture.hidden = !source;
      if (source && picture.src !== source) picture.src = source;
    });
    const best = layers.length ? probabilities.indexOf(Math.max(...probabilities)) : null;
    flow.querySelectorAll(".outputs > div").forEach((row, digit) => {
      row.classList.toggle("best", digit === best);
      row.lastChild.style.width = `${Math.max(1, Math.round(100 * probabilities[digit]))}%`;
    });
    flow.querySelector(".outputs").ariaLabel =
      best === null ? "No output yet" : `Reads a ${best}, ${percent(probabilities[best], 1)}`;
    const isUntrained = !layers.length || (answer.progress === 0 && !run.brought_in);
    const now = run?.state === "running" && epoch === null ? " right now" : "";
    const what = isUntrained
      ? ", untrained: every weight is random"
      : `, what it makes of one test digit${now}`;
    const isKnown = answer || epoch === undefined; // it asks when it comes into sight
    const about = flow.dataset.title + (isKnown ? what : "");
    if (element("network-about").textContent !== about) element("network-about").textContent = about;
  }

  function showModel(before) {
    if (model() !== before) setProps("network-model", { data: model() });
  }

  document.addEventListener("settings", ({ detail }) => {
    const before = model();
    formModel = detail.settings.model;
    showModel(before);
  });

  window.live.listen((message) => {
    const [before, ofModel] = [run?.state, model()];
    const another = message.shown !== shown;
    if (another) {
      shown = message.shown;
      run = answer = null;
      epoch = slider.epochOf(shown);
    }
    if (message.run) run = message.run;
    showModel(ofModel);
    if (another || (run && run.state !== before)) {
      paint();
      ask();
    }
  });
  document.addEventListener("version", () => {
    const before = epoch;
    epoch = slider.epochOf(shown);
    if (epoch !== before || run?.state !== "running") ask();
  });
  document.addEventListener("digits", ({ detail: { images, labels, sprite } }) => {
    image = images[Math.max(0, labels.indexOf(SAMPLE))];
    element("network").style.setProperty("--sprite", sprite);
    element("network-look-inside").dataset.lookInside = image;
    ask();
  });
  setInterval(() => {
    if (run?.state === "running" && epoch === null && !document.hidden) ask();
  }, REFRESH_MS);

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("#network-as-table");
    if (!button) return;
    const pressed = element("network").classList.toggle("as-table");
    button.ariaPressed = String(pressed);
  });

  window.live.drawn.then(() => {
    new MutationObserver(paint).observe(element("network-body"), { childList: true });
    new IntersectionObserver((entries) => {
      inSight = entries.at(-1).isIntersecting;
      if (inSight) ask();
    }).observe(element("network"));
  });
})();
