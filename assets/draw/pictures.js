// Pictures for the Draw tab: chosen with the button, dropped on the tab, or pasted. This script
// decodes them and makes them grey and small; the file itself never leaves the browser.
(function () {
  "use strict";

  const MAX_BYTES = 100 << 20;
  const MAX_PIXELS = 120e6; // four bytes each while it is decoded
  const SIDE = 256; // pixels of the longer side: with more, the server would average them anyway
  const HEAD = 1024; // bytes of a file that tell what it is

  const EMPTY = "That file is empty.";
  const NOT_A_PICTURE =
    "That is no picture that this browser can read. Save it as JPEG or PNG, or paste a screenshot.";
  const BROKEN = "That file cannot be decoded as a picture. It may be damaged, or far too large.";
  const TOO_LARGE = `That file is too large: a picture may have ${MAX_BYTES >> 20} MB.`;
  const TOO_NARROW = "That is too narrow to hold a digit.";
  const GONE = "That file has changed or is gone. Open it again.";
  const UNREADABLE = "That SVG file embeds what the browser keeps to itself. Save it as PNG.";
  const tooManyPixels = (count) =>
    `That picture has ${Math.round(count / 1e6)} megapixels, ${MAX_PIXELS / 1e6} are the limit. ` +
    "Make it smaller first.";

  const PICTURES = /^(\x89PNG|\xff\xd8\xff|GIF8|RIFF.{4}WEBP|BM)/s; // what files begin with
  const SVG = /<svg[\s>]/i;

  let newest = null; // the file that was opened last

  async function open(file) {
    newest = file;
    const { loadImage, showHint } = window.digitlab.drawing;
    showHint("Opening…");
    try {
      const source = await load(file);
      const whole = await cutOut(source, { left: 0, top: 0, right: 1, bottom: 1 });
      if (file === newest) loadImage(whole, source);
    } catch (sentence) {
      if (file === newest) showHint(sentence, true);
    }
  }

  // What `cutOut` takes: the file, or an SVG file's image. An image runs no scripts and loads
  // nothing. Throws a sentence for whoever opened the file.
  async function load(file) {
    if (!file.size) throw EMPTY;
    if (file.size > MAX_BYTES) throw TOO_LARGE;
    const head = await textOf(file.slice(0, HEAD));
    const isSvg = file.type === "image/svg+xml" || SVG.test(head);
    const image = await imageOf(isSvg ? file.slice(0, file.size, "image/svg+xml") : file);
    if (!image) throw isSvg || PICTURES.test(head) ? BROKEN : NOT_A_PICTURE;
    const pixels = image.naturalWidth * image.naturalHeight;
    if (pixels > MAX_PIXELS) throw tooManyPixels(pixels);
    return isSvg ? image : file;
  }

  // The bytes as letters of the same numbers.
  async function textOf(blob) {
    const bytes = await blob.arrayBuffer().catch(() => {
      throw GONE;
    });
    return String.fromCharCode(...new Uint8Array(bytes));
  }

  // The browser's image of a file, with its size but not yet decoded; null if it is no picture.
  async function imageOf(blob) {
    const image = new Image();
    const src = URL.createObjectURL(blob);
    try {
      await new Promise((onload, onerror) => Object.assign(image, { onload, onerror, src }));
      return image;
    } catch {
      return null;
    } finally {
      URL.revokeObjectURL(src);
    }
  }

  // A part of a picture as a small grey image, {width, height, grey}. `box` is in fractions of
  // it. A file is decoded again for each part: the part has all its pixels, and none stay in
  // memory. Chromium would cut before it turns a photo upright, so this cuts the bitmap.
  async function cutOut(source, box) {
    const isFile = source instanceof Blob;
    const picture = isFile ? await decoded(source) : source;
    const { left, top, right, bottom } = box;
    const [across, down] = [picture.width * (right - left), picture.height * (bottom - top)];
    const scale = Math.min(1, SIDE / Math.max(across, down));
    const [width, height] = [across, down].map((length) => Math.round(length * scale));
    if (Math.min(width, height) < 3) throw TOO_NARROW;
    const canvas = window.digitlab.make("canvas", { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    const [x, y] = [picture.width * left, picture.height * top];
    context.drawImage(picture, x, y, across, down, 0, 0, width, height);
    if (isFile) picture.close();
    try {
      return { width, height, grey: greyOf(context.getImageData(0, 0, width, height).data) };
    } catch {
      throw UNREADABLE;
    }
  }

  async function decoded(file) {
    await textOf(file.slice(0, 1)); // a file that is gone is not a damaged one
    return createImageBitmap(file).catch(() => {
      throw BROKEN;
    });
  }

  // Grey levels of RGBA pixels, on paper where they are transparent.
  function greyOf(data) {
    const count = data.length / 4;
    const luma = Uint8Array.from({ length: count }, (_, index) => {
      const [red, green, blue] = data.subarray(4 * index, 4 * index + 3);
      return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    });
    const opacity = Float32Array.from({ length: count }, (_, index) => data[4 * index + 3] / 255);
    const paper = paperFor(luma, opacity);
    return Array.from(luma, (level, index) => Math.round(paper + (level - paper) * opacity[index]));
  }

  // The grey of the paper behind transparent pixels. A picture with paper of its own, as a round
  // sticker, goes on in that paper's grey. Ink without paper gets the paper it stands out from.
  function paperFor(luma, opacity) {
    const histogram = new Float64Array(256);
    luma.forEach((level, index) => (histogram[level] += opacity[index]));
    const visible = histogram.reduce((sum, weight) => sum + weight);
    const levelAt = (share) => {
      let below = 0;
      return histogram.findIndex((weight) => (below += weight) > share * visible);
    };
    const [dark, middle, light] = [0.05, 0.5, 0.95].map(levelAt);
    const hasPaper = visible > luma.length / 2 && light - dark > 64;
    if (hasPaper) return middle;
    return middle > 127 ? 0 : 255;
  }

  window.digitlab.onFileChosen("#draw-open", open);
  window.digitlab.pictures = { cutOut };

  // A file that misses the tab must not replace the page.
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file && event.target.closest(".draw-tab")) open(file);
  });

  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    const shown = document.querySelector(".draw-tab")?.offsetParent;
    if (file && shown) open(file);
  });
})();
