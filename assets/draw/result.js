// Shows a drawing on the Draw tab, what the network gets of it, and the answer. A drawing is
// {strokes, picture}: it has strokes or a picture, {width, height, grey}.
(function () {
  "use strict";

  const PEN = 16; // of 280: how the drawing looks here; the network's input has its own line width

  const { probability } = window.digitlab;
  const element = (id) => document.getElementById(id);

  // Paints the drawing in the canvas's own colour.
  function paint(canvas, { strokes, picture }) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
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
      const { left, top, width, height } = frameOf(picture, canvas);
      pen.drawImage(bitmapOf(picture), left, top, width, height);
    }
  }

  // Paints a box in a picture, {left, top, right, bottom} in fractions of it, and veils the rest.
  function paintBox(canvas, picture, box) {
    const { left, top, width, height } = frameOf(picture, canvas);
    const pen = canvas.getContext("2d");
    const part = new Path2D();
    part.rect(
      left + box.left * width,
      top + box.top * height,
      (box.right - box.left) * width,
      (box.bottom - box.top) * height,
    );
    const rest = new Path2D(part);
    rest.rect(left, top, width, height);
    pen.fillStyle = "rgb(128 128 128 / 60%)";
    pen.fill(rest, "evenodd");
    pen.lineWidth = 2;
    pen.strokeStyle = getComputedStyle(canvas).getPropertyValue("--test");
    pen.stroke(part);
  }

  // Where a picture lies on a canvas: as large as it can be, in the middle.
  function frameOf(picture, canvas) {
    const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
    return { left, top, width, height, scale };
  }

  function bitmapOf({ width, height, grey }) {
    const bitmap = document.createElement("canvas");
    Object.assign(bitmap, { width, height });
    const data = new ImageData(width, height);
    const pixels = new Uint32Array(data.data.buffer); // red, green, blue and opacity each
    grey.forEach((level, index) => (pixels[index] = 0xff000000 + 0x010101 * level));
    bitmap.getContext("2d").putImageData(data, 0, 0);
    return bitmap;
  }

  function show(answer) {
    const { digit, probabilities, sure } = answer;
    if (sure) showAnswer(`${digit}`, `${probability(probabilities[digit])} sure`);
    else showAnswer(`${digit}?`, `Not sure. ${reasonOf(answer)}`);
    element("draw-answer")?.classList.toggle("unsure", !sure);
    showBars(probabilities, digit, sure);
    showInput(answer.input);
  }

  function reasonOf({ digit, doubt, probabilities }) {
    if (doubt === "unfamiliar") return `It looks like no ${digit} that the network learnt from.`;
    const others = [...probabilities.keys()].filter((other) => other !== digit);
    const next = others.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a));
    const chance = (other) => `${other} (${probability(probabilities[other])})`;
    return `Is it ${chance(digit)} or ${chance(next)}?`;
  }

  function showNothing(sentence) {
    showAnswer("", sentence);
    showBars(new Array(10).fill(0), -1, true);
    showInput(null);
  }

  function showAnswer(digit, sentence) {
    const answer = element("draw-answer");
    if (!answer) return;
    const strong = document.createElement("strong");
    strong.textContent = digit;
    const span = document.createElement("span");
    span.textContent = sentence;
    answer.replaceChildren(...(digit ? [strong, " ", span] : [span]));
  }

  function showBars(probabilities, best, sure) {
    const bars = element("draw-bars");
    bars?.classList.toggle("unsure", !sure);
    bars?.querySelectorAll(".bar").forEach((row, digit) => {
      row.style.setProperty("--share", `${(probabilities[digit] * 100).toFixed(1)}%`);
      row.textContent = probability(probabilities[digit]);
      row.classList.toggle("best", digit === best);
    });
  }

  // Paints the drawing, what is cut out of it, and the point that comes to the middle.
  function drawOverlay(canvas, drawing, answer, asDrawn) {
    paint(canvas, drawing);
    if (!answer) return;
    const { picture } = drawing;
    const frame = picture ? frameOf(picture, canvas) : { left: 0, top: 0, scale: 1 };
    const toCanvas = ([x, y]) => [frame.left + x * frame.scale, frame.top + y * frame.scale];
    const pen = canvas.getContext("2d");
    const colours = getComputedStyle(canvas);
    pen.lineWidth = 4;
    pen.lineCap = "butt";
    pen.lineJoin = "miter";
    pen.strokeStyle = colours.getPropertyValue("--test");
    const { width, height } = picture ?? canvas;
    const whole = { left: 0, top: 0, right: width, bottom: height };
    const box = asDrawn ? whole : answer.box;
    // The line runs around the ink, which is wider than the pen's path, or along the edge inside.
    const room = asDrawn ? -2 : 2 + (picture ? 0 : PEN / 2);
    const [left, top] = toCanvas([box.left, box.top]);
    const [right, bottom] = toCanvas([box.right, box.bottom]);
    pen.strokeRect(left - room, top - room, right - left + 2 * room, bottom - top + 2 * room);
    if (asDrawn) return;
    const [x, y] = toCanvas(answer.centre);
    pen.strokeStyle = colours.getPropertyValue("--train");
    pen.beginPath();
    for (const [across, down] of [[12, 0], [0, 12]]) {
      pen.moveTo(x - across, y - down);
      pen.lineTo(x + across, y + down);
    }
    pen.stroke();
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
