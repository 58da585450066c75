// The Embedding tab: which embedding to ask for, the plane of digits on a canvas, and the ways to
// point at digits and to choose some for the gallery.
(function () {
  "use strict";

  const { addCallbacks, ARROWS, element, exists, ifChanged, make } = window.digitlab;
  const { noUpdate, openTab, setProps } = window.digitlab;

  const SIDE = 28; // pixels of a test image
  const ACROSS = 32; // images side by side in the picture of all
  const TILE = 20; // of the plane, for a digit; its ink is SIDE - 8 of SIDE pixels
  const INK = (TILE * 20) / SIDE;
  const MISREAD = 22; // the side of the square of a misread digit
  const MANY = 200; // misread digits: there is no room for larger squares
  const MARGIN = 24;
  const TURNS = 1e5; // of looking for a free place
  const WIDE = [1036, 636]; // the plane's size, in its own units
  const TALL = [760, 940];
  const NEAR = 16; // pixels of the page: so near a pointer is at a digit
  const DRAG = 4; // pixels of the page: a longer way is no click
  const MOST_ZOOM = 12;
  const NEIGHBOURS = 24;

  const plane = () => element("embedding-plane");
  const phone = window.matchMedia("(max-width: 56rem)");

  let shown = null; // the server's answer
  let images = null; // the picture of all digits: black ink on nothing
  let digits = []; // {index, label, predicted, x, y, half, place}
  let star = null; // where the drawing is
  let chosen = new Set(); // indices, for the gallery
  let current = null; // index of the digit in the aside
  let view = { scale: 1, left: 0, top: 0 }; // what the canvas shows of the plane
  let isLasso = false;
  let lasso = null; // points of the plane
  let sprites = {}; // the same in other colours
  let planned = 0;

  const within = (at, low, high) => Math.min(Math.max(at, low), high);

  // Moves squares {x, y, half} apart until none covers another, within a width and a height: each to
  // the nearest free place, on a spiral around its own.
  function moveApart(squares, width, height) {
    const cells = new Map(); // those that have their places, by the cell of a grid
    const sides = [-MISREAD, 0, MISREAD];
    const keyOf = (x, y) => 1e4 * Math.floor(y / MISREAD) + Math.floor(x / MISREAD);
    const covers = (a, b) => Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) < a.half + b.half;
    const isFree = (square) => {
      for (const down of sides) {
        for (const right of sides) {
          const near = cells.get(keyOf(square.x + right, square.y + down));
          if (near?.some((other) => covers(square, other))) return false;
        }
      }
      return true;
    };
    const turns = new Map(); // how far the spiral around a place is full
    for (const square of squares) {
      const { x, y, half } = square;
      const place = `${Math.round(x)} ${Math.round(y)} ${half}`;
      let turn = turns.get(place) ?? 0;
      for (; turn < TURNS; turn++) {
        const radius = 2 * Math.sqrt(turn);
        square.x = within(x + radius * Math.cos(2.4 * turn), half, width - half);
        square.y = within(y + radius * Math.sin(2.4 * turn), half, height - half);
        if (isFree(square)) break;
      }
      turns.set(place, turn);
      const key = keyOf(square.x, square.y);
      cells.set(key, [...(cells.get(key) ?? []), square]);
    }
  }
  window.digitlab.moveApart = moveApart;

  // Positions

  const sizeOf = () => (phone.matches ? TALL : WIDE);

  function arrange() {
    if (!shown) return;
    const [width, height] = sizeOf();
    const [xs, ys] = [0, 1].map((axis) => shown.points.map((point) => point[axis]));
    const scaleOf = (values, length) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return (value) => MARGIN + ((value - low) / (high - low || 1)) * (length - 2 * MARGIN);
    };
    const [toX, toY] = [scaleOf(xs, width), scaleOf(ys, height)];
    const { labels } = shown;
    const predictions = shown.version ? shown.predictions : labels; // a guess is no misreading
    const misread = predictions.filter((predicted, place) => predicted !== labels[place]).length;
    const side = misread > MANY ? INK : MISREAD;
    digits = shown.indices.map((index, place) => {
      const [label, predicted] = [labels[place], predictions[place]];
      const half = (label === predicted ? INK : side) / 2;
      return { index, place, label, predicted, half, x: toX(xs[place]), y: toY(ys[place]) };
    });
    moveApart(digits, width, height);
    star = shown.drawing && { x: toX(shown.drawing[0]), y: toY(shown.drawing[1]) };
    if (star) {
      star.x = within(star.x, MARGIN, width - MARGIN);
      star.y = within(star.y, MARGIN, height - MARGIN);
    }
    plane().digits = digits; // where each is, for whoever asks
    plane().star = star;
    listMisread();
  }

  // Pixels of the page for a point of the plane, within the canvas; and back.
  const unit = () => (plane().clientWidth / sizeOf()[0]) * view.scale;
  const toPage = ({ x, y }) => [(x - view.left) * unit(), (y - view.top) * unit()];
  const toPlane = (x, y) => ({ x: x / unit() + view.left, y: y / unit() + view.top });

  function zoom(by, x, y) {
    const before = toPlane(x, y);
    view.scale = within(view.scale * by, 1, MOST_ZOOM);
    const after = toPlane(x, y);
    pan(before.x - after.x, before.y - after.y);
  }

  function pan(right, down) {
    const [width, height] = sizeOf();
    view.left = within(view.left + right, 0, width - width / view.scale);
    view.top = within(view.top + down, 0, height - height / view.scale);
    paint();
  }

  // Painting

  function spriteIn(colour) {
    if (!images) return null;
    if (!sprites[colour]) {
      const { width, height } = images;
      const sprite = make("canvas", { width, height });
      const pen = sprite.getContext("2d");
      pen.drawImage(images, 0, 0);
      pen.globalCompositeOperation = "source-in";
      pen.fillStyle = colour;
      pen.fillRect(0, 0, width, height);
      sprites[colour] = sprite;
    }
    return sprites[colour];
  }

  function paint() {
    planned ||= requestAnimationFrame(() => {
      planned = 0;
      if (plane()?.clientWidth) paintNow();
    });
  }

  function paintNow() {
    const canvas = plane();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const scale = unit() * ratio;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.setTransform(scale, 0, 0, scale, -view.left * scale, -view.top * scale);
    paintLandmarks(pen, colour("--accent"), style);
    const [ink, paper, wrong] = [colour("--ink"), colour("--surface"), colour("--wrong")];
    const order = [...digits].sort((a, b) => a.half - b.half);
    for (const digit of order) {
      const { x, y, place, index, label, predicted } = digit;
      const misread = label !== predicted;
      pen.globalAlpha = chosen.size && !chosen.has(index) ? 0.25 : 1;
      if (misread) {
        pen.fillStyle = wrong;
        pen.beginPath();
        pen.roundRect(x - digit.half, y - digit.half, 2 * digit.half, 2 * digit.half, 3);
        pen.fill();
      }
      const sprite = spriteIn(misread ? paper : ink);
      const [column, row] = [place % ACROSS, Math.floor(place / ACROSS)];
      if (sprite) {
        pen.drawImage(
          sprite, column * SIDE, row * SIDE, SIDE, SIDE, x - TILE / 2, y - TILE / 2, TILE, TILE,
        );
      }
    }
    pen.globalAlpha = 1;
    const at = digits.find(({ index }) => index === current);
    if (at) ring(pen, at, ink);
    if (star) paintStar(pen, colour("--accent"), ink);
    if (lasso) {
      pen.beginPath();
      for (const { x, y } of lasso) pen.lineTo(x, y);
      pen.closePath();
      pen.lineWidth = 1.5 / unit();
      pen.strokeStyle = ink;
      pen.setLineDash([6 / unit(), 4 / unit()]);
      pen.stroke();
      pen.setLineDash([]);
    }
  }

  const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

  function paintLandmarks(pen, colour, style) {
    pen.fillStyle = colour;
    pen.globalAlpha = Number(style.getPropertyValue("--landmark"));
    pen.font = `600 144px ${style.fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let label = 0; label < 10; label++) {
      const group = digits.filter((digit) => digit.label === label);
      if (!group.length) continue;
      pen.fillText(label, middle(group.map(({ x }) => x)), middle(group.map(({ y }) => y)) + 8);
    }
    pen.globalAlpha = 1;
  }

  function ring(pen, { x, y }, ink) {
    pen.beginPath();
    pen.arc(x, y, TILE, 0, 2 * Math.PI);
    pen.lineWidth = 2.5;
    pen.strokeStyle = ink;
    pen.stroke();
  }

  function paintStar(pen, colour, ink) {
    pen.beginPath();
    for (let corner = 0; corner < 10; corner++) {
      const angle = (corner * Math.PI) / 5 - Math.PI / 2;
      const radius = corner % 2 ? 7 : 16;
      pen.lineTo(star.x + radius * Math.cos(angle), star.y + radius * Math.sin(angle));
    }
    pen.closePath();
    pen.fillStyle = colour;
    pen.fill();
    pen.lineWidth = 2;
    pen.strokeStyle = ink;
    pen.stroke();
  }

  // The aside

  function showDigit(digit) {
    if (!digit) return;
    current = digit.index;
    const detail = element("embedding-detail");
    const [number, read] = [digit.index.toLocaleString("en"), digit.predicted];
    const wrong = read !== digit.label;
    detail.querySelector(".lead").replaceChildren(
      "A ", make("b", {}, digit.label),
      ...(shown.version ? [", read as ", make("b", { className: wrong ? "wrong" : "" }, read)] : []),
      wrong ? " (misread)" : "",
    );
    detail.querySelector(".soft").textContent =
      `Test image ${number}${chosen.has(digit.index) ? ", chosen for the Gallery" : ""}`;
    detail.querySelector(".embedding-buttons").hidden = false;
    detail.querySelector(".look-inside").dataset.lookInside = digit.index;
    const canvas = detail.querySelector("canvas");
    canvas.setAttribute("aria-label", `Test image ${number}`);
    if (images) {
      const pen = canvas.getContext("2d");
      const [column, row] = [digit.place % ACROSS, Math.floor(digit.place / ACROSS)];
      pen.fillRect(0, 0, SIDE, SIDE);
      pen.drawImage(spriteIn("#fff"), column * SIDE, row * SIDE, SIDE, SIDE, 0, 0, SIDE, SIDE);
    }
    paint();
  }

  function listMisread() {
    const items = digits.filter(({ label, predicted }) => label !== predicted).map((digit) => {
      const { index, label, predicted } = digit;
      const words = `Test image ${index.toLocaleString("en")}: a ${label} read as ${predicted}`;
      const button = make("button", { className: "btn btn-quiet", type: "button" }, words);
      button.dataset.digit = index;
      return make("li", {}, button);
    });
    element("embedding-misread").replaceChildren(...items);
  }

  function nearest(x, y) {
    const far = (digit) => (digit.x - x) ** 2 + (digit.y - y) ** 2;
    return [...digits].sort((a, b) => far(a) - far(b));
  }

  // The digit at a point of the canvas, if one is near.
  function digitAt(x, y) {
    const at = toPlane(x, y);
    const [found] = nearest(at.x, at.y);
    const near = found && Math.max(NEAR / unit(), found.half);
    return found && Math.hypot(found.x - at.x, found.y - at.y) <= near ? found : null;
  }

  const byIndex = (index) => digits.find((digit) => digit.index === Number(index));

  // The nearest digit in a direction: sideways counts double.
  function beside(from, [right, down]) {
    const far = ({ x, y }) => {
      const along = (x - from.x) * right + (y - from.y) * down;
      const aside = Math.abs((x - from.x) * down) + Math.abs((y - from.y) * right);
      return along > 1 && aside < 2 * along ? along + 2 * aside : Infinity;
    };
    return digits.reduce((best, one) => (far(one) < far(best) ? one : best), from);
  }

  // Choosing for the gallery

  function choose(indices) {
    const all = [...indices].sort((a, b) => a - b);
    setProps("gallery-choice", { data: all.length && shown?.run ? { run: shown.run, indices: all } : null });
  }

  function toggle({ index }) {
    const next = new Set(chosen);
    if (!next.delete(index)) next.add(index);
    choose(next);
  }

  function reset() {
    view = { scale: 1, left: 0, top: 0 };
    if (chosen.size) choose([]);
    paint();
  }

  function isInside({ x, y }, polygon) {
    let inside = false;
    polygon.forEach((a, place) => {
      const b = polygon.at(place - 1);
      const crosses = a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x;
      if (crosses) inside = !inside;
    });
    return inside;
  }

  // Pointers: a mouse hovers, drags and turns its wheel; two fingers pinch.

  const pointers = new Map();
  let begin = null; // where the last pointer went down
  const placeOf = (event) => {
    const { left, top } = plane().getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  function onDown(event) {
    const at = placeOf(event);
    pointers.set(event.pointerId, at);
    begin = at;
    if (pointers.size === 1 && (isLasso || event.shiftKey)) lasso = [toPlane(at.x, at.y)];
    if (pointers.size > 1) lasso = null;
    try {
      plane().setPointerCapture(event.pointerId);
    } catch {
      // the pointer is gone
    }
  }

  function onMove(event) {
    const at = placeOf(event);
    const before = pointers.get(event.pointerId);
    if (!before) return event.pointerType === "mouse" && showDigit(digitAt(at.x, at.y));
    pointers.set(event.pointerId, at);
    if (lasso) {
      lasso.push(toPlane(at.x, at.y));
      return paint();
    }
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const spread = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
      zoom(spread(at) / spread(before), (at.x + other.x) / 2, (at.y + other.y) / 2);
    } else pan((before.x - at.x) / unit(), (before.y - at.y) / unit());
  }

  function onUp(event) {
    if (!pointers.delete(event.pointerId)) return;
    const drawn = event.type === "pointerup" ? lasso : null; // the system may cancel it
    lasso = null;
    if (drawn?.length > 2) choose(digits.filter((digit) => isInside(digit, drawn)).map(({ index }) => index));
    paint();
  }

  function onClick(event) {
    const { x, y } = placeOf(event);
    const most = event.pointerType === "touch" ? 3 * DRAG : DRAG; // a finger slips
    if (!begin || Math.hypot(x - begin.x, y - begin.y) < most) showDigit(digitAt(x, y));
  }

  function onWheel(event) {
    event.preventDefault();
    const { x, y } = placeOf(event);
    zoom(Math.exp(-event.deltaY / 400), x, y);
  }

  function onKey(event) {
    const way = ARROWS[event.key];
    const [x, y] = [plane().clientWidth / 2, plane().clientHeight / 2];
    const center = toPlane(x, y);
    const from = byIndex(current) ?? nearest(center.x, center.y)[0];
    if (!from || event.ctrlKey || event.metaKey || event.altKey) return;
    if (way) {
      const next = beside(from, way);
      const [left, top] = toPage(next);
      if (left < 0 || top < 0 || left > 2 * x || top > 2 * y) pan(next.x - center.x, next.y - center.y);
      showDigit(next);
    } else if (event.key === "Enter") toggle(from);
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.5 : 1 / 1.5, ...toPage(from));
    else if (event.key === "Escape") reset();
    else return;
    event.preventDefault();
  }

  document.addEventListener("built", ({ detail }) => {
    if (detail !== "panel-embedding") return;
    const canvas = plane();
    canvas.addEventListener("pointerdown", onDown);
    canvas.addEventListener("pointermove", onMove);
    canvas.addEventListener("pointerup", onUp);
    canvas.addEventListener("pointercancel", onUp);
    canvas.addEventListener("click", onClick);
    canvas.addEventListener("dblclick", reset);
    canvas.addEventListener("wheel", onWheel, { passive: false });
    canvas.addEventListener("keydown", onKey);
    new ResizeObserver(paint).observe(canvas);
    const lassoButton = element("embedding-lasso");
    lassoButton.setAttribute("aria-pressed", "false");
    lassoButton.addEventListener("click", () => {
      isLasso = !isLasso;
      lassoButton.setAttribute("aria-pressed", String(isLasso));
      lassoButton.classList.toggle("active", isLasso);
      canvas.classList.toggle("lasso", isLasso);
    });
    element("embedding-reset").addEventListener("click", reset);
    element("embedding-send").addEventListener("click", () => openTab("gallery"));
    element("embedding-misread").addEventListener("click", ({ target }) => {
      if (target.dataset.digit) showDigit(byIndex(target.dataset.digit));
    });
    element("embedding-detail").querySelector(".neighbours").addEventListener("click", () => {
      const { x, y } = byIndex(current);
      choose(nearest(x, y).slice(0, NEIGHBOURS).map(({ index }) => index));
      openTab("gallery");
    });
  });
  phone.addEventListener("change", () => {
    view = { scale: 1, left: 0, top: 0 };
    if (exists("embedding-plane")) arrange();
    paint();
  });
  window.addEventListener("theme", () => {
    sprites = {};
    paint();
  });

  async function load(picture) {
    const loaded = new Image();
    loaded.src = picture;
    await loaded.decode();
    images = loaded;
    sprites = {};
    showDigit(byIndex(current));
    paint();
  }

  addCallbacks("embedding", {
    // Which embedding to ask for; none while the tab is out of sight. t-SNE takes seconds: newer
    // weights wait until it is there, or a network that learns quickly would never be shown. Then
    // the run whose test images are in it.
    request: (method, version, form, idle, tab, previous) => {
      const known = element("epoch-bar").dataset.version;
      const none = [noUpdate(), noUpdate()];
      if (tab !== "embedding" || (known && !version)) return none;
      const drawing = window.digitlab.drawing.current();
      const next = { method, version, drawing, as_drawn: form === "drawn" };
      const busy = !idle && previous?.method === "tsne" && method === "tsne";
      if (busy) return none;
      const runOf = (text) => text?.split("/")[0] ?? null;
      const run = runOf(version);
      const isSame = previous && runOf(previous.version) === run;
      return [ifChanged(next, previous), isSame ? noUpdate() : { run }];
    },

    // Paints what there is. Says how many images are chosen, and whether the gallery can show them.
    show: (found, picture, choice) => {
      if (found && found !== shown) {
        if (found.run !== shown?.run) current = null; // another run may have other test images
        shown = found;
        arrange();
        current ??= (digits.find(({ label, predicted }) => label !== predicted) ?? digits[0])?.index;
      }
      if (picture && picture !== images?.src) load(picture);
      chosen = new Set(window.digitlab.chosenIn(choice, found?.version) ?? []);
      showDigit(byIndex(current));
      paint();
      const { size } = chosen;
      return [size ? `${size} ${size === 1 ? "image" : "images"} chosen.` : "", !size];
    },
  });
})();
