// The canvas of the Draw tab: takes strokes or a picture, keeps them, and asks the server what it
// reads. Strokes go out, not pixels: the answer must not depend on how large or thick one draws.
// Does not know where a picture comes from (picture.js) or how the answer looks (answer.js).
(function () {
  "use strict";

  const CANVAS = "draw-canvas";
  const BETWEEN_MS = 40; // from one question to the next, at least
  const STROKES = "drawing"; // where the browser keeps them
  const PICTURE = "picture";
  const NO_MODEL = "There is no trained network yet. Press Train on the Train tab first.";
  const NOTHING_LEARNT = "This run has learnt nothing yet. Choose another run to read your drawing.";

  let strokes = JSON.parse(sessionStorage.getItem(STROKES) || "[]");
  let picture = unpacked(sessionStorage.getItem(PICTURE)); // {width, height, grey} instead of them
  let current = null; // the stroke under the pen
  let asking = false;
  let changed = false;
  let version = null; // of the network that the page shows; null while there is none
  let asDrawn = false;
  let answer = null; // the one that is shown, if any
  let hint = null; // what stands below the canvas when nothing was refused
  let finished = false; // whether the next stroke begins another drawing

  const digitlab = window.digitlab;
  const element = (id) => document.getElementById(id);
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const isEmpty = () => !strokes.length && !picture;

  function position(event, canvas) {
    const frame = canvas.getBoundingClientRect();
    const scale = canvas.width / frame.width;
    const round = (value) => Math.round(value * 10) / 10;
    return [round((event.clientX - frame.left) * scale), round((event.clientY - frame.top) * scale)];
  }

  function repaint() {
    if (element(CANVAS)) digitlab.paint(element(CANVAS), { strokes, picture });
  }

  function remark() {
    const canvas = element("draw-marked");
    if (canvas) digitlab.mark(canvas, { strokes, picture }, answer, asDrawn);
  }

  function change(newStrokes, newPicture = null) {
    finished = false;
    strokes = newStrokes;
    if (newPicture !== picture) {
      picture = newPicture;
      keep(PICTURE, packed(picture));
    }
    keep(STROKES, JSON.stringify(strokes));
    sayBelow(null);
    update();
    document.dispatchEvent(new Event("drawing"));
  }

  function update() {
    repaint();
    changed = true;
    ask();
  }

  function keep(name, value) {
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
    const [run, , place] = (version || "").split("/");
    if (!place) return {};
    return place.startsWith("e") ? { run, epoch: Number(place.slice(1)) } : { run };
  }

  // A run that waits, or ended too early, has its state where others have the place of a network.
  const hasLearnt = () => /\d/.test(version.split("/")[2]);

  // One request at a time; when it is answered, the newest drawing goes next.
  async function ask() {
    if (asking) return;
    asking = true;
    while (changed) {
      changed = false;
      const next = wait(BETWEEN_MS);
      if (!version) settle(null, NO_MODEL);
      else if (!hasLearnt()) settle(null, NOTHING_LEARNT);
      else if (isEmpty()) settle(null, "Nothing is drawn yet.");
      else await read();
      await next;
    }
    asking = false;
  }

  // What is on the canvas, as the server takes it; null if there is nothing.
  function drawing() {
    if (isEmpty()) return null;
    return picture ? { pixels: rowsOf(picture) } : { strokes };
  }

  async function read() {
    const body = JSON.stringify({ ...drawing(), as_drawn: asDrawn, ...network() });
    const headers = { "Content-Type": "application/json" };
    try {
      const response = await fetch(digitlab.url("/api/predict"), { method: "POST", headers, body });
      const said = await response.json();
      if (isEmpty()) return; // cleared meanwhile
      if (response.ok) settle(said);
      else settle(null, said.error);
    } catch {
      settle(null, "The server does not answer. Your drawing is kept.");
    }
  }

  // Shows an answer, or without one the sentence that says why there is none.
  function settle(newAnswer, sentence) {
    answer = newAnswer;
    if (answer) digitlab.show(answer);
    else digitlab.showNothing(sentence);
    remark();
  }

  function rowsOf({ width, height, grey }) {
    const row = (number) => Array.from(grey.subarray(number * width, (number + 1) * width));
    return Array.from({ length: height }, (_, number) => row(number));
  }

  // What stands below the canvas: why a picture was refused, or, without a reason, how to draw.
  function sayBelow(refusal) {
    const place = element("draw-hint");
    if (!place) return;
    hint ??= place.textContent;
    const sentence = refusal ?? hint;
    if (place.textContent !== sentence) place.textContent = sentence;
    place.classList.toggle("refused", Boolean(refusal));
  }

  document.addEventListener("pointerdown", (event) => {
    if (event.target.id !== CANVAS || event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    event.target.setPointerCapture(event.pointerId);
    current = [position(event, event.target)];
    change(finished ? [current] : [...strokes, current]);
  });

  document.addEventListener("pointermove", (event) => {
    if (!current || event.target.id !== CANVAS || !event.isPrimary) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) current.push(position(move, event.target));
    change(strokes);
  });

  // The ink has the colour of the theme's text.
  const recolour = () => {
    repaint();
    remark();
  };
  new MutationObserver(recolour).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });

  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    document.addEventListener(end, () => {
      current = null;
    });
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#draw-clear")) change([]);
    else if (event.target.closest("#draw-undo")) change(strokes.slice(0, -1));
  });

  function reread(newVersion, isAsDrawn) {
    version = newVersion;
    asDrawn = isAsDrawn;
    update();
  }

  // A grey picture instead of strokes: {width, height, grey: Uint8Array}.
  function take(image) {
    current = null;
    change([], image);
  }

  // The drawing stays until the next stroke, which begins another one.
  function finish() {
    finished = true;
  }

  Object.assign(digitlab, { reread, take, refuse: sayBelow, drawing, finish });
})();
