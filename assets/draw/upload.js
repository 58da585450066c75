// Pictures for the Draw tab: chosen with the button, dropped on the tab, or pasted. They are decoded
// here, made grey and small, and handed on (draw.js); the file itself never leaves the browser.
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
      window.digitlab.take(await decoded(file));
    } catch (sentence) {
      window.digitlab.refuse(sentence);
    }
  }

  // Throws a sentence for whoever opened the file.
  async function decoded(file) {
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
    const luma = (_, place) =>
      Math.round(0.299 * data[4 * place] + 0.587 * data[4 * place + 1] + 0.114 * data[4 * place + 2]);
    return Uint8Array.from({ length: width * height }, luma);
  }

  const input = document.createElement("input");
  Object.assign(input, { type: "file", accept: TYPES.join(","), hidden: true });
  input.addEventListener("change", () => {
    if (input.files.length) open(input.files[0]);
    input.value = ""; // the same file may be opened again
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#draw-open")) return;
    document.body.append(input); // some browsers forget one that is nowhere in the page
    input.click();
  });

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
