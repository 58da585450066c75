// Lists of buttons: one of them can be reached with the Tab key, the others with the arrow keys.
(function () {
  "use strict";

  const LIST = ".shots, .cm, .wall-tiles, .strip-h";
  const buttonsOf = (list) => [...list.querySelectorAll("button")];

  function setTabStop(list, button) {
    for (const one of buttonsOf(list)) one.tabIndex = one === button ? 0 : -1;
  }
  window.digitlab.setTabStop = setTabStop;

  // The button above or below another: the nearest in the nearest row.
  function inNextRow(buttons, from, down) {
    const middle = (button) => {
      const { left, right, top, bottom } = button.getBoundingClientRect();
      return { button, x: (left + right) / 2, y: (top + bottom) / 2 };
    };
    const { x, y } = middle(from);
    const beyond = buttons.map(middle).filter((one) => down * (one.y - y) > 2);
    const far = (one) => 1000 * Math.round(Math.abs(one.y - y)) + Math.abs(one.x - x);
    return beyond.reduce((best, one) => (!best || far(one) < far(best) ? one : best), null)?.button;
  }

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const list = target.closest?.(LIST);
    if (!list || target.tagName !== "BUTTON" || event.ctrlKey || event.metaKey || event.altKey) return;
    const buttons = buttonsOf(list).filter(({ style }) => style.visibility !== "hidden");
    const at = buttons.indexOf(target);
    const next = {
      ArrowLeft: () => buttons[at - 1],
      ArrowRight: () => buttons[at + 1],
      ArrowUp: () => inNextRow(buttons, target, -1),
      ArrowDown: () => inNextRow(buttons, target, 1),
      Home: () => buttons[0],
      End: () => buttons.at(-1),
    }[key]?.();
    if (key.startsWith("Arrow") || next) event.preventDefault();
    next?.focus();
  });
  document.addEventListener("focusin", ({ target }) => {
    const list = target.closest(LIST);
    if (list && target.tagName === "BUTTON") setTabStop(list, target);
  });
})();
