// Shows a drawing on the Draw tab, what the network gets of it, and the answer. A drawing is
// {strokes, picture}: it has strokes or a picture, {width, height, grey}.
(function () {
  "use strict";

  const SIDE = 280; // of a canvas, in its own units; it may have more pixels
  const PEN = 19; // how the drawing looks here; the network's input has its own line width

  const MOST = 0.6; // of the probability, between which two digits it wavers

  const { element, make, probability, showBars } = window.digitlab;

  // A canvas's context, in units.
  function penOf(canvas) {
    const pen = canvas.getContext("2d");
    const scale = canvas.width / SIDE;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    return pen;
  }

  // Paints the drawing in the canvas's own colour.
  function paint(canvas, { strokes, picture }) {
    const pen = penOf(canvas);
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.lineWidth = PEN;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.fillStyle = pen.strokeStyle;
    for (const stroke of strokes) {
      pen.beginPath();
      pen.arc(...stroke[0], PEN / 2, 0, 2 * Math.PI); // WebKit paints no line without a length
      pen.fill();
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const point of stroke) pen.lineTo(...point);
      pen.stroke();
    }
    if (picture) {
      const { left, top, width, height } = frameOf(picture);
      pen.drawImage(bitmapOf(picture), left, top, width, height);
    }
  }

  // Paints a box in a picture, {left, top, right, bottom} in fractions of it, and veils the rest.
  function paintBox(canvas, picture, box) {
    const { left, top, width, height } = frameOf(picture);
    const pen = penOf(canvas);
    const part = new Path2D();
    part.rect(
      left + box.left * width,
      top + box.top * height,
      (box.right - box.left) * width,
      (box.bottom - box.top) * height,
    );
    const rest = new Path2D(part);
    rest.rect(left, top, width, height);
    const colours = getComputedStyle(canvas);
    pen.fillStyle = colours.getPropertyValue("--page");
    pen.globalAlpha = 0.6;
    pen.fill(rest, "evenodd");
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    pen.strokeStyle = colours.color;
    pen.stroke(part);
  }

  // Where a picture lies on a canvas: as large as it can be, in the middle.
  function frameOf(picture) {
    const scale = SIDE / Math.max(picture.width, picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const [left, top] = [(SIDE - width) / 2, (SIDE - height) / 2];
    return { left, top, width, height, scale };
  }

  function bitmapOf({ width, height, grey }) {
    const bitmap = make("canvas", { width, height });
    const data = new ImageData(width, height);
    const pixels = new Uint32Array(data.data.buffer); // red, green, blue and opacity each
    grey.forEach((level, index) => (pixels[index] = 0xff000000 + 0x010101 * level));
    bitmap.getContext("2d").putImageData(data, 0, 0);
    return bitmap;
  }

  function show(answer) {
    const { digit, probabilities, sure, doubt, progress } = answer;
    const next = runnerUp(answer);
    const wavers = doubt === "undecided" && probabilities[digit] + probabilities[next] > MOST;
    if (sure) {
      const epoch = Math.round(100 * progress) / 100;
      showAnswer([digit], `${probability(probabilities[digit])} sure`, `after epoch ${epoch}`);
    } else if (wavers) showAnswer([digit, next], "Not sure", "It wavers between two digits.");
    else if (doubt === "undecided") showAnswer([`${digit}?`], "Not sure", "No digit stands out.");
    else showAnswer([`${digit}?`], "Not sure", `It looks like no ${digit} that it learned from.`);
    element("draw-answer")?.classList.toggle("unsure", !sure);
    showShares(probabilities, wavers ? [digit, next] : [digit], sure);
    showInput(answer.input);
  }

  // The second likeliest digit.
  function runnerUp({ digit, probabilities }) {
    const others = [...probabilities.keys()].filter((other) => other !== digit);
    return others.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a));
  }

  // No answer: a sentence says why; the network's input is shown where there is one.
  function showNothing(sentence, detail, input) {
    showAnswer([], sentence, detail);
    showShares(new Array(10).fill(0), [], true);
    showInput(input);
  }

  function showAnswer(digits, sentence, detail = "") {
    const answer = element("draw-answer");
    if (!answer) return;
    const [first, second] = digits;
    const digit =
      second === undefined
        ? make("strong", {}, ...digits)
        : make("strong", { className: "two" }, first, make("small", {}, " or "), second);
    const words = make("p", {}, make("b", {}, sentence), " ", make("span", {}, detail));
    answer.replaceChildren(...(digits.length ? [digit, " ", words] : [words]));
  }

  function showShares(probabilities, marked, sure) {
    const bars = element("draw-bars");
    if (!bars) return;
    bars.classList.toggle("unsure", !sure);
    showBars(bars, probabilities, marked);
  }

  // Paints the drawing, what is cut out of it, and the point that comes to the middle.
  function drawOverlay(canvas, drawing, answer, asDrawn) {
    paint(canvas, drawing);
    if (!answer) return;
    const { picture } = drawing;
    const frame = picture ? frameOf(picture) : { left: 0, top: 0, scale: 1 };
    const toCanvas = ([x, y]) => [frame.left + x * frame.scale, frame.top + y * frame.scale];
    const pen = penOf(canvas);
    const colours = getComputedStyle(canvas);
    pen.lineWidth = 3;
    pen.lineCap = "butt";
    pen.lineJoin = "miter";
    pen.strokeStyle = colours.getPropertyValue("--ink");
    pen.setLineDash([9, 6]);
    const { width, height } = picture ?? { width: SIDE, height: SIDE };
    const whole = { left: 0, top: 0, right: width, bottom: height };
    const box = asDrawn ? whole : answer.box;
    // The line runs around the ink, which is wider than the pen's path, or along the edge inside.
    const room = asDrawn ? -2 : 2 + (picture ? 0 : PEN / 2);
    const [left, top] = toCanvas([box.left, box.top]);
    const [right, bottom] = toCanvas([box.right, box.bottom]);
    pen.strokeRect(left - room, top - room, right - left + 2 * room, bottom - top + 2 * room);
    pen.setLineDash([]);
    if (asDrawn) return;
    const [x, y] = toCanvas(answer.centre);
    for (const [colour, width] of [["--ink", 6], ["--accent", 3]]) {
      pen.strokeStyle = colours.getPropertyValue(colour);
      pen.lineWidth = width;
      pen.beginPath();
      for (const [across, down] of [[14, 0], [0, 14]]) {
        pen.moveTo(x - across, y - down);
        pen.lineTo(x + across, y + down);
      }
      pen.stroke();
    }
  }

  function showInput(rows) {
    const canvas = element("draw-input");
    if (!canvas) return;
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    for (let index = 0; index < canvas.width * canvas.height; index++) {
      const grey = rows ? rows[Math.floor(index / canvas.width)][index % canvas.width] : 0;
      image.data.set([grey, grey, grey, 255], index * 4);
    }
    context.putImageData(image, 0, 0);
  }

  window.digitlab.result = {
    paint, paintBox, frameOf, bitmapOf, drawOverlay, show, showNothing,
  };
})();
