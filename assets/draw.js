// The canvas of the Draw tab: takes strokes, asks the server what it reads, shows the answer.
// Strokes go out, not pixels: the answer must not depend on how large or thick one draws.
(function () {
  "use strict";

  const CANVAS = "draw-canvas";
  const PEN = 16; // of 280: how the drawing looks here; the network's input has its own line width
  const PAUSE_MS = 60;
  const KEEP = "drawing";
  const NO_MODEL = "There is no trained network yet. Press Train on the Train tab first.";

  const strokes = JSON.parse(sessionStorage.getItem(KEEP) || "[]");
  let current = null; // the stroke under the pen
  let asking = false;
  let changed = false;
  let trained = false;

  const element = (id) => document.getElementById(id);
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  function position(event, canvas) {
    const frame = canvas.getBoundingClientRect();
    const scale = canvas.width / frame.width;
    const round = (value) => Math.round(value * 10) / 10;
    return [round((event.clientX - frame.left) * scale), round((event.clientY - frame.top) * scale)];
  }

  function paint() {
    const canvas = element(CANVAS);
    if (!canvas) return;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.lineWidth = PEN;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = getComputedStyle(canvas).color;
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const point of stroke) pen.lineTo(...point);
      pen.stroke();
    }
  }

  function update() {
    sessionStorage.setItem(KEEP, JSON.stringify(strokes));
    paint();
    changed = true;
    ask();
  }

  // One request at a time; when it is answered, the newest drawing goes next.
  async function ask() {
    if (asking) return;
    asking = true;
    while (changed) {
      changed = false;
      if (!trained) showNothing(NO_MODEL);
      else if (strokes.length) await read();
      else showNothing("Nothing is drawn yet.");
      await wait(PAUSE_MS);
    }
    asking = false;
  }

  async function read() {
    const body = JSON.stringify({ strokes });
    const headers = { "Content-Type": "application/json" };
    try {
      const response = await fetch("/api/predict", { method: "POST", headers, body });
      const answer = await response.json();
      if (!strokes.length) return; // cleared meanwhile
      if (response.ok) show(answer);
      else showNothing(answer.error);
    } catch {
      showNothing("The server does not answer. Your drawing is kept.");
    }
  }

  function show(answer) {
    const best = answer.digit;
    const sure = answer.probabilities[best];
    say(`${best}`, `${(sure * 100).toFixed(1)} % sure`);
    showBars(answer.probabilities, best);
    showInput(answer.input);
  }

  function showNothing(sentence) {
    say("", sentence);
    showBars(new Array(10).fill(0), -1);
    showInput(null);
  }

  function say(digit, sentence) {
    const place = element("draw-answer");
    if (!place) return;
    const strong = document.createElement("strong");
    strong.textContent = digit;
    place.replaceChildren(...(digit ? [strong, ` ${sentence}`] : [sentence]));
  }

  function showBars(probabilities, best) {
    element("draw-bars")?.querySelectorAll(".bar").forEach((row, digit) => {
      const share = `${(probabilities[digit] * 100).toFixed(1)}%`;
      row.querySelector(".bar-fill").style.width = share;
      row.querySelector(".bar-value").textContent = share;
      row.classList.toggle("best", digit === best);
    });
  }

  function showInput(rows) {
    const canvas = element("draw-input");
    if (!canvas) return;
    const context = canvas.getContext("2d");
    const picture = context.createImageData(canvas.width, canvas.height);
    for (let place = 0; place < canvas.width * canvas.height; place++) {
      const grey = rows ? rows[Math.floor(place / canvas.width)][place % canvas.width] : 0;
      picture.data.set([grey, grey, grey, 255], place * 4);
    }
    context.putImageData(picture, 0, 0);
  }

  document.addEventListener("pointerdown", (event) => {
    if (event.target.id !== CANVAS || event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    event.target.setPointerCapture(event.pointerId);
    current = [position(event, event.target)];
    strokes.push(current);
    update();
  });

  document.addEventListener("pointermove", (event) => {
    if (!current || event.target.id !== CANVAS || !event.isPrimary) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) current.push(position(move, event.target));
    update();
  });

  // The ink has the colour of the theme's text.
  new MutationObserver(paint).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });

  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    document.addEventListener(end, () => {
      current = null;
    });
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#draw-clear")) strokes.length = 0;
    else if (event.target.closest("#draw-undo")) strokes.pop();
    else return;
    update();
  });

  function reread(isTrained) {
    trained = isTrained;
    update();
  }

  window.digitlab = { reread };
})();
