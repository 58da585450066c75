// The canvas of the Draw tab: keeps strokes or a picture, and what Undo brings back.
// It gives strokes, not pixels: the answer must not depend on how large or thick one draws.
(function () {
  "use strict";

  const CANVAS = "draw-canvas";
  const SIDE = 280; // of the canvas, in its own units
  const STEPS = 100; // that Undo takes back
  const TAP = 10; // a shorter drag on a picture is no box
  const STROKES = "drawing"; // where the browser keeps them
  const PICTURE = "picture";
  const DOT = 12; // a longer stroke is no dot
  const EMPTY_HINT =
    "Draw a digit with a mouse, a pen, a finger or the arrow keys. Or drop or paste a photo.";
  const BOX_HINT = "Drag a box around one digit, and only that is read. Clear to draw.";
  const BOXED_HINT = "Only what is in the box is read.";

  // A drawing has strokes or a picture: {whole, box, part, source}. `whole` and `part` are grey
  // images {width, height, grey: numbers}; `part` is what is read, cut out of the source along
  // the box {left, top, right, bottom}, in fractions of the picture, or all of it without a box.
  // After a finished drawing the next stroke begins another one.
  const EMPTY = { strokes: [], picture: null, finished: false };

  let drawing = restored();
  // What Undo brings back, the newest last. A drawing that comes with a reload goes by strokes.
  let past = drawing.strokes.map((_, count) => fresh(drawing.strokes.slice(0, count)));
  let stroke = null; // the last one, unless something else came: {others, pieces, last}
  let drag = null; // a box that is being drawn: its first and its last point
  let newestBox = null; // the last one that was drawn

  const { element } = window.digitlab;
  const view = () => window.digitlab.result;

  function fresh(strokes) {
    return { ...EMPTY, strokes };
  }

  function repaint() {
    const canvas = element(CANVAS);
    if (!canvas) return;
    if (!element("draw-hint").textContent) showHint(); // for the first time
    const { strokes, picture } = drawing;
    view().paint(canvas, { strokes, picture: picture?.whole });
    const box = drag ? boxOf(drag) : picture?.box;
    if (box) view().paintBox(canvas, picture.whole, box);
  }

  // A change that Undo takes back.
  function change(next) {
    past = [...past, drawing].slice(-STEPS);
    stroke = null;
    show(next);
  }

  function undo() {
    stroke = null;
    if (past.length) show(past.pop());
  }

  function show(next) {
    const { picture } = drawing;
    drawing = next;
    if (next.picture?.whole !== picture?.whole) drag = null;
    if (next.picture !== picture) store(PICTURE, next.picture);
    store(STROKES, next.strokes);
    showHint();
    repaint();
    document.dispatchEvent(new Event("drawing"));
  }

  // Keeping the drawing in the browser

  function store(name, value) {
    try {
      sessionStorage.setItem(name, JSON.stringify(value));
    } catch {
      // There is no room for it: it does not survive a reload, and nothing else is lost.
    }
  }

  function restored() {
    const isPoint = (point) => point.length === 2 && point.every(Number.isFinite);
    const isImage = ({ width, height, grey }) =>
      grey.length === width * height && grey.every(Number.isFinite);
    try {
      const strokes = JSON.parse(sessionStorage.getItem(STROKES) || "[]");
      const picture = JSON.parse(sessionStorage.getItem(PICTURE) || "null");
      if (!strokes.every((stroke) => stroke.length && stroke.every(isPoint))) return EMPTY;
      if (!picture) return fresh(strokes);
      if (![picture.whole, picture.part].every(isImage)) return EMPTY;
      return { ...EMPTY, picture: { ...picture, source: null } };
    } catch {
      return EMPTY; // somebody else has written there
    }
  }

  // Says on the canvas what happens to a picture and why it was refused, or else what to do.
  function showHint(sentence, refused = false) {
    const paragraph = element("draw-hint");
    if (!paragraph) return;
    const { strokes, picture } = drawing;
    const what = picture?.box ? BOXED_HINT : picture ? BOX_HINT : strokes.length ? "" : EMPTY_HINT;
    const text = sentence ?? what;
    if (paragraph.textContent !== text) paragraph.textContent = text; // a screen reader reads it
    paragraph.classList.toggle("refused", refused);
    element("draw-whole").hidden = !picture?.box;
  }

  // Drawing, and the box in a picture

  const rounded = (point) => point.map((value) => Math.round(value * 10) / 10);

  function boxOf([[x, y], [otherX, otherY]]) {
    const { left, top, width, height } = view().frameOf(drawing.picture.whole);
    const share = (value) => Math.min(1, Math.max(0, value));
    const across = [x, otherX].map((value) => share((value - left) / width));
    const down = [y, otherY].map((value) => share((value - top) / height));
    const [least, most] = [Math.min, Math.max];
    return {
      left: least(...across), top: least(...down), right: most(...across), bottom: most(...down),
    };
  }

  // Reads a box of the picture, unless another box or picture comes meanwhile.
  async function cutOut(box) {
    const { picture } = drawing;
    const { whole, source } = picture;
    const isCurrent = () => newestBox === box && drawing.picture === picture;
    newestBox = box;
    showHint("Cutting it out…");
    try {
      const part = await window.digitlab.pictures.cutOut(source ?? view().bitmapOf(whole), box);
      if (isCurrent()) change({ ...EMPTY, picture: { ...picture, box, part } });
    } catch (sentence) {
      if (!isCurrent()) return;
      repaint();
      showHint(sentence, true);
    }
  }

  const gesture = {
    begin: (point) => {
      if (drawing.picture) {
        drag = [point, point];
        return;
      }
      const others = drawing.finished ? [] : drawing.strokes;
      const first = rounded(point).map((value) => Math.min(SIDE, Math.max(0, value)));
      const pieces = [[first]];
      change(fresh([...others, ...pieces]));
      stroke = { others, pieces, last: first };
    },

    move: (points) => {
      if (drag) {
        drag[1] = points.at(-1);
        repaint();
      } else if (stroke) {
        for (const point of points.map(rounded)) {
          window.digitlab.clipping.addLine(SIDE, stroke.pieces, stroke.last, point);
          stroke.last = point;
        }
        show(fresh([...stroke.others, ...stroke.pieces]));
      }
    },

    end: () => {
      if (!drag) return;
      const [from, to] = drag;
      const box = boxOf(drag);
      drag = null;
      if (Math.hypot(to[0] - from[0], to[1] - from[1]) >= TAP) return cutOut(box);
      showHint();
      repaint();
    },

    drop: () => {
      drag = null;
      if (stroke) undo();
      else repaint();
    },

    isDot: () => {
      const [first, ...others] = stroke?.pieces.flat() ?? [];
      const isNear = ([x, y]) => Math.hypot(x - first[0], y - first[1]) < DOT;
      return Boolean(first) && others.every(isNear);
    },
  };

  // The ink has the colour of the theme's text.
  window.addEventListener("theme", repaint);

  document.addEventListener("click", (event) => {
    const { strokes, picture } = drawing;
    const clicked = (id) => event.target.closest(`#${id}`);
    if (clicked("draw-undo")) undo();
    else if (clicked("draw-clear") && (strokes.length || picture)) change(EMPTY);
    else if (clicked("draw-clear")) showHint();
    else if (clicked("draw-whole")) change({ ...drawing, picture: wholeOf(picture) });
  });

  const wholeOf = (picture) => ({ ...picture, box: null, part: picture.whole });


  function rowsOf({ width, height, grey }) {
    const row = (number) => grey.slice(number * width, (number + 1) * width);
    return Array.from({ length: height }, (_, number) => row(number));
  }

  window.digitlab.drawing = {
    CANVAS,
    SIDE,
    gesture,
    showHint,
    repaint,

    // What is on the canvas, as the server takes it; null if there is nothing.
    current: () => {
      const { strokes, picture } = drawing;
      if (picture) return { pixels: rowsOf(picture.part) };
      return strokes.length ? { strokes } : null;
    },

    // The box that the keyboard begins with: the one that is read, or the middle; null for strokes.
    box: () => {
      const { picture } = drawing;
      if (!picture) return null;
      const { left, top, width, height } = view().frameOf(picture.whole);
      const box = picture.box ?? { left: 0.3, top: 0.3, right: 0.7, bottom: 0.7 };
      const point = (x, y) => [left + x * width, top + y * height];
      return [point(box.left, box.top), point(box.right, box.bottom)];
    },

    // What is read, for painting: strokes or a grey image.
    read: () => ({ strokes: drawing.strokes, picture: drawing.picture?.part }),

    // Shows a picture instead of strokes. `source` is what a part of it can be cut out of.
    loadImage: (whole, source) => {
      change({ ...EMPTY, picture: { whole, box: null, part: whole, source } });
    },

    // The drawing stays until the next stroke, which begins another one.
    finish: () => {
      stroke = null;
      drawing = { ...drawing, finished: true };
    },
  };
})();
