// Asks the server what it reads in the drawing, and shows the answer.
(function () {
  "use strict";

  const BETWEEN_MS = 40; // from one question to the next, at least
  const NO_MODEL = "There is no trained network yet. Press Train on the Train tab first.";
  const NOTHING_LEARNT =
    "This run has learnt nothing yet. Choose another run to read your drawing.";

  let asking = false;
  let changed = false;
  let version = null; // of the network that the page shows; null while there is none
  let asDrawn = false;
  let result = null; // the prediction that is shown, if any

  const { addCallbacks, noUpdate, url } = window.digitlab;
  const view = () => window.digitlab.result;
  const current = () => window.digitlab.drawing.current();
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  function drawOverlay() {
    const canvas = document.getElementById("draw-marked");
    if (canvas) view().drawOverlay(canvas, window.digitlab.drawing.read(), result, asDrawn);
  }

  // The run and the epoch that the page shows; the server names them in the version.
  function network() {
    const [run, , position] = (version || "").split("/");
    if (!position) return {};
    return position.startsWith("e") ? { run, epoch: Number(position.slice(1)) } : { run };
  }

  // A run that waits, or ended too early, has its state in place of a network's position.
  const hasLearnt = () => /\d/.test(version.split("/")[2]);

  // One request at a time; when it is answered, the newest drawing goes next.
  async function ask() {
    changed = true;
    if (asking) return;
    asking = true;
    while (changed) {
      changed = false;
      const next = wait(BETWEEN_MS);
      const drawing = current();
      if (!version) showResult(null, NO_MODEL);
      else if (!hasLearnt()) showResult(null, NOTHING_LEARNT);
      else if (!drawing) showResult(null, "Nothing is drawn yet.");
      else await predict(drawing);
      await next;
    }
    asking = false;
  }

  async function predict(drawing) {
    const body = JSON.stringify({ ...drawing, as_drawn: asDrawn, ...network() });
    const headers = { "Content-Type": "application/json" };
    try {
      const response = await fetch(url("/api/predict"), { method: "POST", headers, body });
      const answer = await response.json();
      if (!current()) return; // cleared meanwhile
      if (response.ok) showResult(answer);
      else showResult(null, answer.error);
    } catch {
      showResult(null, "The server does not answer. Your drawing is kept.");
    }
  }

  // Shows a prediction, or without one the sentence that says why there is none.
  function showResult(newResult, sentence) {
    result = newResult;
    if (result) view().show(result);
    else view().showNothing(sentence);
    drawOverlay();
  }

  document.addEventListener("drawing", ask);
  new MutationObserver(drawOverlay).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });

  addCallbacks("draw", {
    keepForm: (form) => form,

    // Another network, the tab came into sight, or the picture is prepared in another way.
    refreshPrediction: (newVersion, form, tab) => {
      if (tab !== "draw") return noUpdate();
      version = newVersion;
      asDrawn = form === "drawn";
      window.digitlab.drawing.repaint();
      ask();
      return noUpdate();
    },
  });
})();
