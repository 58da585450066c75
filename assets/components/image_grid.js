// Grids of test images: a button each, and the chosen image large beside them. Gallery and Mistakes
// use them.
(function () {
  "use strict";

  const SIDE = 28; // pixels of an image
  const INK = "ink"; // the theme's colour on nothing
  const SCALES = { // red, green and blue of colours at equal distances, the first for 0
    Greys: [[0, 0, 0], [255, 255, 255]],
    Viridis: [
      [68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137],
      [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
    ],
    Cividis: [
      [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120],
      [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56],
    ],
    Hot: [[0, 0, 0], [230, 0, 0], [255, 210, 0], [255, 255, 255]],
  };

  const { bytesOf, element, make, openTab, probability } = window.digitlab;
  const { setTabStop, showBars, tellValues } = window.digitlab;
  const grids = new Map(); // by prefix
  const phone = window.matchMedia("(max-width: 56rem)");

  // The images of an answer, each with its own pixels.
  function imagesOf({ indices, labels, predictions, probabilities, pixels }) {
    const bytes = bytesOf(pixels);
    return indices.map((index, place) => ({
      index,
      label: labels[place],
      predicted: predictions?.[place],
      probabilities: probabilities?.[place],
      pixels: bytes.subarray(place * SIDE * SIDE, (place + 1) * SIDE * SIDE),
    }));
  }

  const isWrong = ({ label, predicted }) => predicted !== undefined && predicted !== label;
  const sureness = ({ predicted, probabilities }) => probability(probabilities[predicted]);

  // Red, green, blue and opacity of a pixel's value.
  function colourOf(value, colours) {
    if (colours === INK) return [0, 0, 0, value];
    const stops = SCALES[colours];
    const at = (value / 255) * (stops.length - 1);
    const below = Math.min(Math.floor(at), stops.length - 2);
    return [...stops[below].map((part, i) => part + (at - below) * (stops[below + 1][i] - part)), 255];
  }

  function paintPixels(canvas, pixels, colours) {
    const pen = canvas.getContext("2d");
    const picture = pen.createImageData(SIDE, SIDE);
    pixels.forEach((value, place) => picture.data.set(colourOf(value, colours), 4 * place));
    pen.putImageData(picture, 0, 0);
    const isInk = colours === INK;
    if (isInk) {
      pen.globalCompositeOperation = "source-in";
      pen.fillStyle = getComputedStyle(canvas).color;
      pen.fillRect(0, 0, SIDE, SIDE);
    }
    tellValues(canvas, isInk ? null : (x, y) => `row ${y}, column ${x}: ${pixels[y * SIDE + x]}`);
  }

  const SHOT =
    `<span class="tile"><canvas width="${SIDE}" height="${SIDE}"></canvas>` +
    '<i class="as" aria-hidden="true"></i></span>' +
    '<span class="conf"></span><span class="said"></span><span class="sr-only"></span>';
  const newShot = () => make("button", { type: "button", innerHTML: SHOT });

  class ImageGrid {
    // `badge`: what the corner of a misread image says. `showAll`: what the button does where no
    // image matches.
    constructor(prefix, badge, showAll, colours = "Greys") {
      Object.assign(this, { prefix, badge, showAll, colours, images: [], chosen: null, run: null });
      grids.set(prefix, this);
    }

    get tiles() { return element(`${this.prefix}-grid`); }
    get list() { return this.tiles.querySelector(".shots"); }
    get detail() { return element(`${this.prefix}-detail`); }

    // A request with the image that was chosen by hand; null if nothing else is new in it.
    ask(request) {
      const asked = JSON.stringify(request);
      if (asked === this.asked) return null;
      this.asked = asked;
      return { ...request, image: this.chosen, image_run: this.run };
    }

    // Shows an answer of the server.
    show({ images, chosen, untrained, empty, version }) {
      const run = version?.split("/")[0] ?? null;
      if (run !== this.run) this.chosen = null; // another run may have other test images
      this.run = run;
      this.images = images ? imagesOf(images) : [];
      this.beside = chosen ? imagesOf(chosen)[0] : null;
      this.untrained = untrained ?? null;
      const message = this.tiles.querySelector(".empty");
      message.hidden = !empty;
      message.firstElementChild.textContent = empty?.sentence ?? "";
      message.lastElementChild.hidden = !empty?.showAll;
      this.paint();
      this.tiles.dataset.version = version ?? "";
    }

    // One button an image. They are kept, and with them the focus.
    paint() {
      const { colours, detail, images, list, tiles } = this;
      this.isSmall ??= detail.matches(".compact");
      detail.classList.toggle("compact", this.isSmall || phone.matches);
      tiles.dataset.ink = colours === INK;
      list.style.setProperty("--count", images.length);
      while (list.children.length > images.length) list.lastChild.remove();
      while (list.children.length < images.length) list.append(newShot());
      images.forEach((image, place) => {
        const shot = list.children[place];
        const [tile, confidence, said, more] = shot.children;
        const wrong = isWrong(image);
        shot.className = wrong ? "shot wrong" : "shot";
        paintPixels(tile.firstChild, image.pixels, colours);
        tile.lastChild.hidden = !wrong;
        tile.lastChild.textContent = wrong ? this.badge(image) : "";
        const read = image.predicted !== undefined;
        confidence.style.setProperty("--p", read ? image.probabilities[image.predicted] : 0);
        said.textContent = read ? `True ${image.label}\u2002Pred ${image.predicted}` : `True ${image.label}`;
        more.textContent = read ? `, ${sureness(image)} sure${wrong ? ", misread" : ""}` : "";
      });
      const focused = list.contains(document.activeElement) ? document.activeElement : null;
      setTabStop(list, focused ?? list.children[this.placeOfChosen()] ?? list.firstChild);
      this.showChosen();
    }

    placeOfChosen() {
      if (this.chosen === null) return 0;
      return this.images.findIndex(({ index }) => index === this.chosen);
    }

    choose(place) {
      if (!this.images[place]) return;
      this.chosen = this.images[place].index;
      this.showChosen();
    }

    // To the next or the previous image of the grid.
    step(by) {
      const { length } = this.images;
      const place = this.placeOfChosen();
      const from = place < 0 && by < 0 ? 0 : place; // not in the grid: after the last
      this.choose((from + by + length) % length);
      this.list.children[this.placeOfChosen()]?.scrollIntoView({ block: "nearest" });
    }

    // The image that was chosen by hand, or else the first; with what this network reads in it.
    showChosen() {
      const place = this.placeOfChosen();
      const image = this.images[place] ?? this.beside;
      const { detail, list } = this;
      [...list.children].forEach((shot, at) => shot.setAttribute("aria-pressed", String(at === place)));
      detail.dataset.state = image ? (this.untrained ? "untrained" : "read") : "nothing";
      if (!image) return;
      detail.querySelector(".look-inside").dataset.lookInside = image.index;
      detail.querySelector("h2").textContent = `Test image ${image.index.toLocaleString("en")}`;
      const pixels = detail.querySelector("canvas");
      paintPixels(pixels, image.pixels, this.colours === INK ? "Greys" : this.colours);
      if (this.untrained) {
        const [sentence, train] = detail.querySelector(".untrained").children;
        sentence.textContent = this.untrained.sentence;
        train.hidden = !this.untrained.train;
      } else showReading(detail, image);
    }
  }

  function showReading(detail, image) {
    const { label, predicted, probabilities } = image;
    const wrong = isWrong(image);
    detail.querySelector(".verdict").replaceChildren(
      "A ", make("b", {}, label),
      ", read as ", make("b", { className: wrong ? "wrong" : "" }, predicted),
      make("small", {}, ` ${sureness(image)} sure`),
    );
    const bars = detail.querySelector(".bars");
    bars.classList.toggle("wrong", wrong);
    showBars(bars, probabilities, [predicted]);
  }

  document.addEventListener("keydown", ({ key }) => key === "Escape" && closeSheets());

  function closeSheets() {
    for (const sheet of document.querySelectorAll(".image-detail.open")) sheet.classList.remove("open");
  }

  document.addEventListener("click", ({ target }) => {
    if (target.closest(".start-training")) {
      openTab("train");
      element("train-button")?.click();
      return;
    }
    const grid = grids.get(target.closest("[data-grid]")?.dataset.grid);
    if (!grid) return;
    const shot = target.closest(".shot");
    if (shot) {
      grid.choose([...grid.list.children].indexOf(shot));
      grid.detail.classList.add("open"); // on a phone, where it is a sheet
    } else if (target.closest(".previous")) grid.step(-1);
    else if (target.closest(".next")) grid.step(1);
    else if (target.closest(".close")) {
      closeSheets();
      grid.list.children[grid.placeOfChosen()]?.focus();
    } else if (target.closest(".show-all")) grid.showAll();
  });

  const repaint = () => grids.forEach((grid) => grid.images.length && grid.paint());
  window.addEventListener("theme", repaint);
  phone.addEventListener("change", repaint);

  // A grid by the prefix of its ids.
  window.digitlab.imageGrid = (...properties) => new ImageGrid(...properties);
})();
