// The canvas of the Draw tab: keeps strokes or a picture, and asks the server for the prediction.
// It sends strokes, not pixels: the answer must not depend on how large or thick one draws.
(function () {
  "use strict";

  const CANVAS = "draw-canvas";
  const BETWEEN_MS = 40; // from one question to the next, at least
  const STROKES = "drawing"; // where the browser keeps them
  const PICTURE = "picture";
  const NO_MODEL = "There is no trained network yet. Press Train on the Train tab first.";
  const NOTHING_LEARNT =
    "This run has learnt nothing yet. Choose another run to read your drawing.";

  let strokes = JSON.parse(sessionStorage.getItem(STROKES) || "[]");
  let picture = unpacked(sessionStorage.getItem(PICTURE)); // {width, height, grey} instead of them
  let stroke = null; // the one under the pen
  let asking = false;
  let changed = false;
  let version = null; // of the network that the page shows; null while there is none
  let asDrawn = false;
  let result = null; // the prediction that is shown, if any
  let hint = null; // the sentence below the canvas when nothing was refused
  let finished = false; // whether the next stroke begins another drawing

  const { addCallbacks, noUpdate, url } = window.digitlab;
  const view = () => window.digitlab.result;
  const element = (id) => document.getElementById(id);
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const isEmpty = () => !strokes.length && !picture;

  function position(event, canvas) {
    const frame = canvas.getBoundingClientRect();
    const scale = canvas.width / frame.width;
    const round = (value) => Math.round(value * 10) / 10;
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    return [round(x * scale), round(y * scale)];
  }

  function repaint() {
    if (element(CANVAS)) view().paint(element(CANVAS), { strokes, picture });
  }

  function drawOverlay() {
    const canvas = element("draw-marked");
    if (canvas) view().drawOverlay(canvas, { strokes, picture }, result, asDrawn);
  }

  function change(newStrokes, newPicture = null) {
    finished = false;
    strokes = newStrokes;
    if (newPicture !== picture) {
      picture = newPicture;
      store(PICTURE, packed(picture));
    }
    store(STROKES, JSON.stringify(strokes));
    showHint(null);
    update();
    document.dispatchEvent(new Event("drawing"));
  }

  function update() {
    repaint();
    changed = true;
    ask();
  }

  function store(name, value) {
    try {
      sessionStorage.setItem(name, value);
    } catch {
      // There is no room for it: it does not survive a reload, and nothing else is lost.
    }
  }

  function packed(image) {
    if (!image) return "";
    const letters = Array.from(image.grey, (level) => String.fromCharCode(level));
    return JSON.stringify({ ...image, grey: btoa(letters.join("")) });
  }

  function unpacked(text) {
    if (!text) return null;
    const image = JSON.parse(text);
    return { ...image, grey: Uint8Array.from(atob(image.grey), (letter) => letter.charCodeAt(0)) };
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
    if (asking) return;
    asking = true;
    while (changed) {
      changed = false;
      const next = wait(BETWEEN_MS);
      if (!version) showResult(null, NO_MODEL);
      else if (!hasLearnt()) showResult(null, NOTHING_LEARNT);
      else if (isEmpty()) showResult(null, "Nothing is drawn yet.");
      else await predict();
      await next;
    }
    asking = false;
  }

  // What is on the canvas, as the server takes it; null if there is nothing.
  function current() {
    if (isEmpty()) return null;
    return picture ? { pixels: rowsOf(picture) } : { strokes };
  }

  async function predict() {
    const body = JSON.stringify({ ...current(), as_drawn: asDrawn, ...network() });
    const headers = { "Content-Type": "application/json" };
    try {
      const response = await fetch(url("/api/predict"), { method: "POST", headers, body });
      const answer = await response.json();
      if (isEmpty()) return; // cleared meanwhile
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

  function rowsOf({ width, height, grey }) {
    const row = (number) => Array.from(grey.subarray(number * width, (number + 1) * width));
    return Array.from({ length: height }, (_, number) => row(number));
  }

  // Says below the canvas why a picture was refused, or, without a reason, how to draw.
  function showHint(refusal) {
    const paragraph = element("draw-hint");
    if (!paragraph) return;
    hint ??= paragraph.textContent;
    const sentence = refusal ?? hint;
    if (paragraph.textContent !== sentence) paragraph.textContent = sentence;
    paragraph.classList.toggle("refused", Boolean(refusal));
  }

  document.addEventListener("pointerdown", (event) => {
    if (event.target.id !== CANVAS || event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    event.target.setPointerCapture(event.pointerId);
    stroke = [position(event, event.target)];
    change(finished ? [stroke] : [...strokes, stroke]);
  });

  document.addEventListener("pointermove", (event) => {
    if (!stroke || event.target.id !== CANVAS || !event.isPrimary) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) stroke.push(position(move, event.target));
    change(strokes);
  });

  // The ink has the colour of the theme's text.
  const recolour = () => {
    repaint();
    drawOverlay();
  };
  new MutationObserver(recolour).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });

  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    document.addEventListener(end, () => {
      stroke = null;
    });
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#draw-clear")) change([]);
    else if (event.target.closest("#draw-undo")) change(strokes.slice(0, -1));
  });

  window.digitlab.drawing = {
    current,
    showHint,

    // A grey picture instead of strokes: {width, height, grey: Uint8Array}.
    loadImage: (image) => {
      stroke = null;
      change([], image);
    },

    // The drawing stays until the next stroke, which begins another one.
    finish: () => {
      finished = true;
    },
  };

  addCallbacks("draw", {
    // Another network, the tab came into sight, or the picture is prepared in another way.
    refreshPrediction: (newVersion, form, tab) => {
      if (tab !== "draw") return noUpdate();
      version = newVersion;
      asDrawn = form === "drawn";
      update();
      return noUpdate();
    },
  });
})();
