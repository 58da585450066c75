// The number of a picture that the pointer or the keyboard is at, in words beside it.
(function () {
  "use strict";

  const { element } = window.digitlab;
  const pictures = new WeakMap(); // what tells the number at a pixel, by canvas

  // `tell`: the number at a pixel (x, y) of the canvas in words, if there is one; null where none is
  // to be told.
  window.digitlab.tellValues = (canvas, tell) => pictures.set(canvas, tell);

  function showValue(value, x, y) {
    const words = element("pixel-value");
    words.textContent = value;
    words.style.left = `${Math.min(x + 12, innerWidth - words.offsetWidth - 8)}px`;
    words.style.top = `${y + 16}px`;
    words.classList.add("shown");
  }
  window.digitlab.showValue = showValue;

  const leave = () => element("pixel-value")?.classList.remove("shown");

  function pointerAt({ target, clientX, clientY, pointerType }) {
    const isTap = pointerType === "touch" && target.closest?.("button");
    const tell = isTap ? null : pictures.get(target);
    if (!tell) return leave();
    const { left, top, width, height } = target.getBoundingClientRect();
    const value = tell(
      Math.floor(((clientX - left) / width) * target.width),
      Math.floor(((clientY - top) / height) * target.height),
    );
    if (value) showValue(value, clientX, clientY);
  }
  document.addEventListener("pointermove", pointerAt);
  document.addEventListener("pointerdown", pointerAt);
  document.addEventListener("scroll", leave, true);
  document.addEventListener("focusout", leave);
  document.addEventListener("navigate", leave);
  document.documentElement.addEventListener("pointerleave", leave);
})();
