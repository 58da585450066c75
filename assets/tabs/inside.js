// The Inside tab: which image to ask the server for, the pictures of numbers, and the number that
// the pointer or the arrow keys are at.
(function () {
  "use strict";

  const { addCallbacks, ARROWS, bytesOf, element, exists, ifChanged } = window.digitlab;
  const { noUpdate, openTab, setProps, showValue, tellValues } = window.digitlab;

  const POINT_MS = 40; // a pointer that passes over a map asks for nothing
  const GAP = 1; // between two pictures, in pixels of the canvas
  const SHINE = 0.9; // how much of its colour the strongest number has over a digit

  const panel = () => element("panel-inside");
  const isOpen = () => !panel().hidden && exists("inside-index");

  function show(index) {
    setProps("inside-source", { value: "test" });
    setProps("inside-index", { value: String(index) });
  }

  // Opens the tab with a test image.
  function lookInside(index) {
    if (isOpen()) return show(index);
    whenOpened(() => show(index));
    openTab("inside");
  }

  const whenOpened = (then) =>
    document.addEventListener("navigate", ({ detail }) => detail.tab === "inside" && then(), {
      once: true,
    });

  // `data-look-inside` of a button has the number of an image, `data-images` of a button of the tab
  // how far its image is from the shown one.
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-look-inside], [data-images]");
    const { lookInside: index, images } = button?.dataset ?? {};
    if (index) lookInside(Number(index));
    if (images) {
      const shown = parseInt(element("inside-index").value, 10) || 0;
      show(Math.max(0, shown + Number(images)));
    }
  });

  const asked = new URLSearchParams(location.search);
  if (asked.get("tab") === "inside" && /^\d+$/.test(asked.get("image") ?? "")) {
    whenOpened(() => lookInside(Number(asked.get("image"))));
  }

  // Pictures: see dashboard/tabs/inside/pictures.py.

  const pictures = new WeakMap(); // by canvas
  const canvases = (part) => [...part.querySelectorAll("canvas[data-picture]")];

  const numbersOf = (text) => new Float32Array(bytesOf(text).buffer);

  const colourOf = (token) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(token).trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  };

  class Picture {
    constructor(text) {
      const { shape, values, under, ...rest } = JSON.parse(text);
      const [count, height, width] = shape;
      Object.assign(this, rest, { text, count, height, width, values: numbersOf(values) });
      this.under = under && numbersOf(under);
      this.stride = [width * this.side + GAP, height * this.side + GAP];
      this.rows = Math.ceil(count / this.columns);
      this.size = [this.columns * this.stride[0] - GAP, this.rows * this.stride[1] - GAP];
    }

    valueAt([tile, row, column]) {
      return this.values[(tile * this.height + row) * this.width + column];
    }

    // Left and top of a number, in pixels of the canvas.
    placeOf([tile, row, column]) {
      const [across, down] = this.stride;
      return [
        (tile % this.columns) * across + column * this.side,
        Math.floor(tile / this.columns) * down + row * this.side,
      ];
    }

    // The number at a pixel of the canvas; null in a gap.
    pixelAt(x, y) {
      const [across, down] = this.stride;
      const tile = Math.floor(y / down) * this.columns + Math.floor(x / across);
      const [row, column] = [y % down, x % across].map((at) => Math.floor(at / this.side));
      const inside = x >= 0 && y >= 0 && x < this.size[0] && row < this.height && column < this.width;
      return inside && tile < this.count ? [tile, row, column] : null;
    }

    // The number beside another, in the next picture at an edge; null at the rim.
    beside([tile, row, column], [right, down]) {
      const across = (tile % this.columns) * this.width + column + right;
      const along = Math.floor(tile / this.columns) * this.height + row + down;
      if (across < 0 || along < 0 || across >= this.columns * this.width) return null;
      const next = Math.floor(along / this.height) * this.columns + Math.floor(across / this.width);
      return next < this.count ? [next, along % this.height, across % this.width] : null;
    }

    describe([tile, row, column]) {
      const parts = [];
      if (this.count > 1) parts.push(`${this.name} ${tile}`);
      if (this.height * this.width > 1) parts.push(`row ${row}, column ${column}`);
      const value = this.valueAt([tile, row, column]);
      return `${parts.join(", ")}: ${value.toFixed(3).replace("-", "−")}`;
    }

    colour(index, positive, negative) {
      const value = this.values[index];
      const span = this.high - this.low || 1;
      if (!this.signed) return new Array(3).fill((255 * (value - this.low)) / span);
      const ground = this.under ? 127 * this.under[index] : 0;
      const share = (Math.abs(value) / (this.high || 1)) * SHINE;
      return (value > 0 ? positive : negative).map((part) => ground + (part - ground) * share);
    }

    paint(canvas) {
      const [width, height] = this.size;
      Object.assign(canvas, { width, height });
      const pen = canvas.getContext("2d");
      const data = pen.createImageData(width, height);
      const colours = [colourOf("--signal-for"), colourOf("--signal-against")];
      for (let index = 0; index < this.values.length; index++) {
        const column = index % this.width;
        const line = Math.floor(index / this.width);
        const [left, top] = this.placeOf([Math.floor(line / this.height), line % this.height, column]);
        const colour = this.colour(index, ...colours);
        for (let y = top; y < top + this.side; y++) {
          for (let x = left; x < left + this.side; x++) {
            data.data.set(colour, 4 * (y * width + x));
            data.data[4 * (y * width + x) + 3] = 255;
          }
        }
      }
      pen.putImageData(data, 0, 0);
    }
  }

  function paintAll() {
    for (const canvas of canvases(panel())) {
      const text = canvas.dataset.picture;
      if (pictures.get(canvas)?.text === text) continue;
      const picture = new Picture(text);
      pictures.set(canvas, picture);
      picture.paint(canvas);
      tellValues(canvas, (x, y) => {
        const pixel = picture.pixelAt(x, y);
        return pixel && pointAt(canvas, pixel);
      });
    }
    frame();
  }

  document.addEventListener("built", ({ detail }) => {
    if (detail !== "panel-inside") return;
    const changes = new MutationObserver((all) => {
      if (all.some(({ target }) => !target.closest(".inside-frames"))) paintAll();
    });
    const attributeFilter = ["data-picture"];
    changes.observe(panel(), { childList: true, subtree: true, attributes: true, attributeFilter });
    paintAll();
  });

  // The number that the pointer or the keyboard is at.

  const cursors = new WeakMap(); // the last number of each canvas
  let origin = null; // the number that is explained, and where it comes from
  let pointing = null;

  const layersOf = () => canvases(element("inside-layers"));

  // The number at a pixel in words; soon, how it is made.
  function pointAt(canvas, pixel) {
    cursors.set(canvas, pixel);
    const layer = layersOf().indexOf(canvas);
    if (layer >= 0) {
      clearTimeout(pointing);
      pointing = setTimeout(() => setProps("inside-point", { data: { layer, pixel } }), POINT_MS);
    }
    return pictures.get(canvas).describe(pixel);
  }

  function pointWithKeys(canvas, pixel) {
    const picture = pictures.get(canvas);
    const { left, top, width } = canvas.getBoundingClientRect();
    const scale = width / picture.size[0];
    const [x, y] = picture.placeOf(pixel);
    showValue(pointAt(canvas, pixel), left + x * scale, top + y * scale);
  }

  document.addEventListener("keydown", (event) => {
    const canvas = event.target;
    const picture = pictures.get(canvas);
    const way = ARROWS[event.key];
    if (!picture || !way) return;
    event.preventDefault();
    const before = cursors.get(canvas);
    const next = before && picture.valueAt(before) !== undefined ? picture.beside(before, way) : [0, 0, 0];
    if (next) pointWithKeys(canvas, next);
  });

  // Frames, in each layer's maps, the numbers of which the explained one was made, and itself.
  function frame() {
    const layers = layersOf();
    layers.forEach((canvas, layer) => {
      const picture = pictures.get(canvas);
      const frames = canvas.parentElement.querySelector(".inside-frames");
      if (!picture || !frames) return;
      frames.replaceChildren();
      if (!origin || layer > origin.layer) return;
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", `0 0 ${picture.size.join(" ")}`);
      for (const name of ["halo", "line"]) {
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("class", name);
        path.setAttribute("d", pathOf(picture, layer));
        svg.append(path);
      }
      svg.style.width = `${canvas.offsetWidth}px`;
      svg.style.left = `${canvas.offsetLeft}px`;
      svg.style.top = `${canvas.offsetTop}px`;
      frames.append(svg);
    });
  }

  function pathOf(picture, layer) {
    const { height, width, side, count, size } = picture;
    const box = (left, top, right, bottom) => `M${left},${top}H${right}V${bottom}H${left}Z`;
    if (layer === origin.layer) {
      const [left, top] = picture.placeOf(origin.pixel);
      return box(left, top, left + side, top + side);
    }
    const [row, column, rows, columns] = origin.areas[layer];
    const top = Math.max(row, 0);
    const left = Math.max(column, 0);
    const [bottom, right] = [Math.min(row + rows, height), Math.min(column + columns, width)];
    if (bottom - top === height && right - left === width) return box(0, 0, ...size);
    let path = "";
    for (let tile = 0; tile < count; tile++) {
      const [x, y] = picture.placeOf([tile, top, left]);
      path += box(x, y, x + (right - left) * side, y + (bottom - top) * side);
    }
    return path;
  }

  addCallbacks("inside", {
    // Which image to look at inside of which network; none while the tab is out of sight.
    request: (source, index, version, form, tab, previous) => {
      const known = element("epoch-bar").dataset.version;
      if (tab !== "inside" || (known && !version)) return noUpdate();
      const drawing = source === "drawing" ? window.digitlab.drawing.current() : null;
      const as_drawn = form === "drawn";
      return ifChanged({ source, index, drawing, as_drawn, version }, previous);
    },

    // To the test image that the server has found, unless somebody has typed another number since.
    found: (found, typed) => {
      if (found && found.before === typed) show(found.index);
    },

    frame: (found) => {
      origin = found;
      frame();
      return noUpdate();
    },
  });
})();
