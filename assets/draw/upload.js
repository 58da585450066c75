// Pictures for the Draw tab: chosen with the button, dropped on the tab, or pasted. This script
// decodes them and makes them grey and small; the file itself never leaves the browser.
(function () {
  "use strict";

  const TYPES = ["image/png", "image/jpeg", "image/webp"];
  const MAX_BYTES = 20 << 20;
  const SIDE = 256; // pixels of the longer side: with more, the server would average them anyway

  const NOT_A_PICTURE = "That is no picture that can be read here: open a PNG, JPEG or WebP file.";
  const TOO_LARGE = `That file is too large: a picture may have ${MAX_BYTES >> 20} MB.`;
  const BROKEN = "That file cannot be decoded as a picture. It may be damaged.";
  const TOO_NARROW = "That picture is too narrow to hold a digit.";

  async function open(file) {
    try {
      window.digitlab.drawing.loadImage(await decode(file));
    } catch (sentence) {
      window.digitlab.drawing.showHint(sentence);
    }
  }

  // Throws a sentence for whoever opened the file.
  async function decode(file) {
    if (!TYPES.includes(file.type)) throw NOT_A_PICTURE;
    if (file.size > MAX_BYTES) throw TOO_LARGE;
    const bitmap = await createImageBitmap(file).catch(() => {
      throw BROKEN;
    });
    const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.round(side * scale));
    if (Math.min(width, height) < 3) throw TOO_NARROW;
    return { width, height, grey: greyOf(bitmap, width, height) };
  }

  function greyOf(bitmap, width, height) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "white"; // paper, where the picture is transparent
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    const { data } = context.getImageData(0, 0, width, height);
    const luma = (_, index) => {
      const [red, green, blue] = data.subarray(4 * index, 4 * index + 3);
      return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    };
    return Uint8Array.from({ length: width * height }, luma);
  }

  window.digitlab.onFileChosen("#draw-open", TYPES.join(","), open);

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
