// Asks the server what it reads in the drawing, and shows the answer, or why there is none. The guess
// of an untrained network is no answer.
(function () {
  "use strict";

  const BETWEEN_MS = 40; // from one question to the next, at least
  const EMPTY = ["Nothing is drawn yet.", "It reads while you write."];
  const UNTRAINED = ["No answer yet", "Before training it can only guess."];
  const NO_SERVER = "The server does not answer. Your drawing is kept.";
  const TRAINING = ["running", "stopping"];
  const PRESET = "speedrun"; // that is trained here

  let asking = false;
  let changed = false;
  let version = null; // of the network that the page shows; null while there is none
  let asDrawn = false;
  let result = null; // the prediction that is shown, if any
  let run = null; // the run that is shown, and the epochs that it has trained
  let trained = 0;
  let starting = false; // whether somebody pressed Train here, and the run has not come yet
  let waitsForNetwork = false;

  const { addCallbacks, ask, element, NO_ANSWER, noUpdate, onPress, openTab, setProps } =
    window.digitlab;
  const view = () => window.digitlab.result;
  const current = () => window.digitlab.drawing.current();
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  function drawOverlay() {
    const canvas = element("draw-marked");
    if (canvas) view().drawOverlay(canvas, window.digitlab.drawing.read(), result, asDrawn);
  }

  // The run and the epoch that the page shows; the server names them in the version.
  function network() {
    const [run, , position] = (version || "").split("/");
    if (!position) return {};
    return position.startsWith("e") ? { run, epoch: Number(position.slice(1)) } : { run };
  }

  // A run that waits, or ended too early, has its state in place of a network's position.
  const position = () => (version || "").split("/")[2] ?? "";
  const hasNetwork = () => /\d/.test(position());

  // One request at a time; when it is answered, the newest drawing goes next.
  async function read() {
    changed = true;
    if (asking) return;
    asking = true;
    while (changed) {
      changed = false;
      const next = wait(BETWEEN_MS);
      const drawing = current();
      if (!hasNetwork() || (!drawing && position() === "0")) showNoNetwork();
      else if (!drawing) showNothing(EMPTY);
      else await predict(drawing);
      await next;
    }
    asking = false;
  }

  async function predict(drawing) {
    const body = { ...drawing, as_drawn: asDrawn, ...network() };
    const answer = await ask("POST", "/api/predict", body).catch((sentence) => ({ sentence }));
    const { sentence, progress } = answer;
    if (!current()) return; // cleared meanwhile
    if (sentence === NO_ANSWER) showNothing(["No answer", NO_SERVER]);
    else if (sentence) showNothing(["No answer", sentence]);
    else if (progress) showAnswer(answer);
    else if (position() === "0") showNoNetwork(answer);
    else showNothing(UNTRAINED, answer);
  }

  function showAnswer(answer) {
    result = answer;
    showStart({});
    view().show(answer);
    drawOverlay();
  }

  // Says why there is no answer. `untrained`: what an untrained network got.
  function showNothing([sentence, detail], untrained = null, start = {}) {
    result = untrained;
    showStart(start);
    view().showNothing(sentence, detail, untrained?.input);
    drawOverlay();
  }

  function showNoNetwork(untrained) {
    if (starting) return showNothing(["Starting…"], untrained, { learns: true });
    if (TRAINING.includes(run?.state)) {
      const words = ["It is learning…", `epoch ${Math.round(100 * trained) / 100} of ${run.epochs}`];
      return showNothing(words, untrained, { learns: true });
    }
    if (run?.state === "queued") {
      return showNothing(["This run has learned nothing yet.", "It waits for its turn."], untrained);
    }
    const words = [version ? "This run has learned nothing yet." : "Nothing has learned yet."];
    showNothing(words, untrained, { canStart: true });
  }

  // The button that trains a network here, or how far that is.
  function showStart({ canStart = false, learns = false }) {
    waitsForNetwork = learns;
    const block = element("draw-start-block");
    if (!block) return;
    block.hidden = !canStart && !learns;
    element("draw-start").hidden = !canStart;
    const bar = element("draw-learning");
    bar.hidden = !learns;
    bar.value = run && !starting ? trained / run.epochs : 0;
  }

  function follow(message) {
    if (message.text) trained = Number(message.text.progress);
    if (message.run || message.shown === null) run = message.run ?? null;
    if (message.run && !/done|stopped|failed/.test(message.run.state)) starting = false;
    if (waitsForNetwork && (message.text || message.run)) read();
  }

  // The scripts of live/ are loaded after this one.
  document.addEventListener("DOMContentLoaded", () => window.live.listen(follow));

  const refuse = (sentence) => (element("draw-start-error").textContent = sentence);
  const start = async () => {
    starting = true;
    refuse("");
    showNoNetwork(result);
    const { run_id } = await ask("POST", "/api/runs", { preset: PRESET });
    setProps("run-pick", { value: run_id });
  };
  onPress("#draw-start", start, (sentence) => {
    starting = false;
    refuse(sentence);
    read();
  });

  document.addEventListener("click", ({ target }) => {
    if (!target.closest("#draw-inside")) return;
    document.addEventListener("navigate", lookInside, { once: true });
    openTab("inside");
  });

  // Shows the drawing on the tab Inside.
  const lookInside = () => setProps("inside-source", { value: "drawing" });

  document.addEventListener("drawing", read);
  window.addEventListener("theme", drawOverlay);

  addCallbacks("draw", {
    keepForm: (form) => form,

    // Another network, the tab came into sight, or the picture is prepared in another way.
    refreshPrediction: (newVersion, form, tab) => {
      if (tab !== "draw") return noUpdate();
      version = newVersion;
      asDrawn = form === "drawn";
      window.digitlab.drawing.repaint();
      read();
      return noUpdate();
    },
  });

  window.digitlab.prediction = { network, isAsDrawn: () => asDrawn };
})();
