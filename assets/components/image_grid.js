// Grids of test images: a button each, and the chosen image large beside them. Gallery and Mistakes
// use them.
(function () {
  "use strict";

  const SIDE = 28; // pixels of an image
  const GAP = 4; // between two columns, in the same pixels
  const FEWEST = 5; // columns: a single image would be as wide as the page
  const SPRITE = 10; // images in a row of the picture with all of them
  const CAPTION = 2.4; // rem below each image
  const INK = "ink";

  const { element, make, openTab, probability, setProps, setTabStop, showBars } = window.digitlab;
  const grids = new Map(); // by prefix
  const phone = window.matchMedia("(max-width: 56rem)");

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

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

  // All images in one picture, ink opaque on nothing: a mask for the theme's colour.
  function spriteOf(images) {
    const rows = Math.ceil(images.length / SPRITE);
    const canvas = make("canvas", { width: SPRITE * SIDE, height: rows * SIDE });
    const pen = canvas.getContext("2d");
    images.forEach(({ pixels }, place) => {
      const tile = pen.createImageData(SIDE, SIDE);
      pixels.forEach((ink, pixel) => (tile.data[4 * pixel + 3] = ink));
      pen.putImageData(tile, (place % SPRITE) * SIDE, Math.floor(place / SPRITE) * SIDE);
    });
    return { url: `url(${canvas.toDataURL()})`, rows };
  }

  const HIDDEN = { visible: false, fixedrange: true };

  function figureOf(z, colours, hover, layout) {
    const [width, height] = [z[0].length, z.length];
    const heatmap = {
      type: "heatmap", z, zmin: 0, zmax: 255, colorscale: colours === INK ? "Greys" : colours,
      showscale: false, hoverongaps: false, hovertemplate: `${hover}<extra></extra>`,
    };
    return {
      data: [heatmap],
      layout: {
        margin: { l: 0, r: 0, t: 0, b: 0 }, dragmode: false, plot_bgcolor: "rgba(0,0,0,0)",
        paper_bgcolor: "rgba(0,0,0,0)", hoverlabel: { font: { size: 13 } },
        xaxis: { ...HIDDEN, range: [-0.5, width - 0.5] },
        yaxis: { ...HIDDEN, range: [height - 0.5, -0.5] },
        ...layout,
      },
    };
  }

  const SHOT =
    '<span class="tile"><i class="ink"></i><i class="as" aria-hidden="true"></i></span>' +
    '<span class="conf"></span><span class="said"></span><span class="sr-only"></span>';
  const newShot = () => make("button", { type: "button", innerHTML: SHOT });

  class ImageGrid {
    // `badge`: what the corner of a misread image says.
    constructor(prefix, badge) {
      Object.assign(this, { prefix, badge, images: [], colours: "Greys", chosen: null, run: null });
      this.resized = new ResizeObserver(() => this.arrange());
    }

    get tiles() { return element(`${this.prefix}-grid`); }
    get list() { return this.tiles.querySelector(".shots"); }
    get detail() { return element(`${this.prefix}-detail`); }

    // What the request says of the image that was chosen by hand.
    get choice() { return { image: this.chosen, image_run: this.run }; }

    // Shows an answer of the server.
    show({ images, chosen, untrained, empty, version }) {
      const run = version?.split("/")[0] ?? null;
      if (run !== this.run) this.chosen = null; // another run may have other test images
      this.run = run;
      this.pixels = images?.pixels;
      this.images = images ? imagesOf(images) : [];
      this.beside = chosen ? imagesOf(chosen)[0] : null;
      this.untrained = untrained ?? null;
      const message = this.tiles.querySelector(".empty");
      message.hidden = !empty;
      this.tiles.toggleAttribute("data-none", Boolean(empty));
      message.firstElementChild.textContent = empty?.sentence ?? "";
      message.lastElementChild.hidden = !empty?.showAll;
      this.paint();
      this.resized.observe(this.tiles);
      this.arrange();
      this.showChosen();
      this.tiles.dataset.version = version ?? "";
    }

    paintAs(colours) {
      this.colours = colours;
      this.tiles.dataset.ink = colours === INK;
      this.painted = this.shownPixels = null;
      if (!this.images.length) return;
      this.arrange();
      this.showChosen();
    }

    // One button an image. They are kept, and with them the focus.
    paint() {
      const { list } = this;
      while (list.children.length > this.images.length) list.lastChild.remove();
      while (list.children.length < this.images.length) list.append(newShot());
      this.images.forEach((image, place) => {
        const shot = list.children[place];
        const [tile, confidence, said, more] = shot.children;
        const wrong = isWrong(image);
        shot.className = wrong ? "shot wrong" : "shot";
        tile.firstChild.style.cssText =
          `--c: ${place % SPRITE}; --r: ${Math.floor(place / SPRITE)}`;
        tile.lastChild.hidden = !wrong;
        tile.lastChild.textContent = wrong ? this.badge(image) : "";
        const read = image.predicted !== undefined;
        confidence.style.setProperty("--p", read ? image.probabilities[image.predicted] : 0);
        said.textContent = read ? `True ${image.label}\u2002Pred ${image.predicted}` : `True ${image.label}`;
        more.textContent = read ? `, ${sureness(image)} sure${wrong ? ", misread" : ""}` : "";
      });
      const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
      setTabStop(list, focused ?? list.children[this.placeOfChosen()] ?? list.firstChild);
    }

    // Lays out the grid for its width, and paints below it what depends on that.
    arrange() {
      const { tiles, images } = this;
      const { width } = tiles?.getBoundingClientRect() ?? {};
      if (!width) return; // out of sight; the observer calls again
      this.isSmall ??= this.detail.matches(".compact");
      this.detail.classList.toggle("compact", this.isSmall || phone.matches);
      const style = getComputedStyle(tiles);
      const most = Number(style.getPropertyValue("--most"));
      const across = Math.max(Math.min(images.length, most), Math.min(FEWEST, most));
      const cell = width / (across * (SIDE + GAP) - GAP);
      const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
      const below = Math.ceil((CAPTION * rem) / cell); // a whole number of the heatmap's rows
      tiles.style.setProperty("--across", across);
      tiles.style.setProperty("--below", `${below * cell}px`);
      const key = [width, across, below, this.colours, this.pixels].join();
      if (key === this.painted) return;
      this.painted = key;
      if (this.colours === INK) {
        const { url, rows } = spriteOf(images);
        this.list.style.cssText = `--sprite: ${url}; --columns: ${SPRITE}; --rows: ${rows}`;
      } else setProps(`${this.prefix}-graph`, { figure: this.mosaic(across, below, cell) });
    }

    // All images as one heatmap, without numbers between them.
    mosaic(across, below, cell) {
      const rows = Math.ceil(this.images.length / across);
      const [width, height] = [across * (SIDE + GAP) - GAP, rows * (SIDE + below)];
      const z = Array.from({ length: height }, () => new Float32Array(width).fill(NaN));
      this.images.forEach(({ pixels }, place) => {
        const left = (place % across) * (SIDE + GAP);
        const top = Math.floor(place / across) * (SIDE + below);
        for (let row = 0; row < SIDE; row++) {
          z[top + row].set(pixels.subarray(row * SIDE, (row + 1) * SIDE), left);
        }
      });
      const size = { width: width * cell, height: Math.max(height * cell, 10) };
      return figureOf(z, this.colours, "%{z}", { ...size, autosize: false });
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
      this.showPixels(image);
      if (this.untrained) {
        const [sentence, train] = detail.querySelector(".untrained").children;
        sentence.textContent = this.untrained.sentence;
        train.hidden = !this.untrained.train;
      } else showReading(detail, image);
    }

    showPixels({ pixels }) {
      const shown = String(pixels);
      if (shown === this.shownPixels) return;
      this.shownPixels = shown;
      const z = Array.from({ length: SIDE }, (_, row) => pixels.slice(row * SIDE, (row + 1) * SIDE));
      const hover = "row %{y}, column %{x}: %{z}";
      setProps(`${this.prefix}-digit`, { figure: figureOf(z, this.colours, hover, { autosize: true }) });
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

  // The buttons lie over the heatmap: it hears from here where the mouse is.
  document.addEventListener("mousemove", ({ target, clientX, clientY }) => {
    const graph = target.closest?.(".image-grid")?.querySelector(".mosaic .js-plotly-plot");
    if (!graph || !window.Plotly) return;
    const { left, top } = graph.getBoundingClientRect();
    window.Plotly.Fx.hover(graph, { xpx: clientX - left, ypx: clientY - top }, "xy");
  });
  document.addEventListener("mouseout", ({ target, relatedTarget }) => {
    const grid = target.closest?.(".image-grid");
    const graph = grid?.querySelector(".mosaic .js-plotly-plot");
    if (graph && window.Plotly && !grid.contains(relatedTarget)) window.Plotly.Fx.unhover(graph, {}, "xy");
  });

  // A grid by the prefix of its ids. `showAll`: what its button does where no image matches.
  window.digitlab.imageGrid = (prefix, badge, showAll) => {
    const grid = Object.assign(new ImageGrid(prefix, badge), { showAll });
    grids.set(prefix, grid);
    return grid;
  };
})();
