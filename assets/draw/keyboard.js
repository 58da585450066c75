// The keyboard on the canvas: arrow keys move a pen over 28 x 28 cells, Space puts it down and lifts
// it. In a picture they move the box that is read. C clears and Ctrl+Z takes back.
(function () {
  "use strict";

  const { ARROWS } = window.digitlab;
  const { CANVAS, box, gesture, showHint } = window.digitlab.drawing;

  const CELLS = 28;
  const CELL = 10; // of the canvas's 280 units
  const FAR = 4; // cells at once with Shift
  const START = [14, 6]; // where most digits begin

  let cell = null; // where the pen is; null while nobody draws with the keyboard
  let isDown = false;
  let corners = null; // of the box that is moved

  const canvas = () => document.getElementById(CANVAS);
  const cursor = () => document.getElementById("draw-cursor");
  const within = (least, value, most) => Math.min(most, Math.max(least, value));
  const middle = () => cell.map((place) => (place + 0.5) * CELL);

  function showCursor() {
    const mark = cursor();
    mark.hidden = !cell;
    if (!cell) return;
    mark.classList.toggle("down", isDown);
    mark.style.left = `${(100 * cell[0]) / CELLS}%`;
    mark.style.top = `${(100 * cell[1]) / CELLS}%`;
  }

  function say() {
    const [column, row] = cell.map((place) => place + 1);
    showHint(`Pen ${isDown ? "down" : "up"}, column ${column}, row ${row}. Space ${isDown ? "lifts it" : "puts it down"}.`);
  }

  function movePen([x, y], far) {
    if (cell) {
      const times = far ? FAR : 1;
      cell = [within(0, cell[0] + times * x, CELLS - 1), within(0, cell[1] + times * y, CELLS - 1)];
      if (isDown) gesture.move([middle()]);
    } else cell = START;
    say();
  }

  function turnPen() {
    cell ??= START;
    isDown = !isDown;
    if (isDown) gesture.begin(middle());
    else gesture.end();
    say();
  }

  function moveBox([x, y], resizes) {
    if (!corners) gesture.begin((corners = box())[0]);
    const by = ([across, down]) => [across + x * CELL, down + y * CELL];
    corners = [resizes ? corners[0] : by(corners[0]), by(corners[1])];
    gesture.begin(corners[0]);
    gesture.move([corners[1]]);
    showHint("Arrow keys move the box, with Shift they change its size. Space reads what is in it.");
  }

  function leave() {
    if (isDown) gesture.end();
    if (corners) gesture.drop();
    [cell, isDown, corners] = [null, false, null];
    showCursor();
  }

  function onKey(event) {
    const step = ARROWS[event.key];
    const isPicture = Boolean(box());
    if (event.key === "Escape") leave();
    else if (step && isPicture) moveBox(step, event.shiftKey);
    else if (step) movePen(step, event.shiftKey);
    else if (event.key === " " && !isPicture) turnPen();
    else if (event.key === " " && corners) {
      gesture.end();
      corners = null;
    } else return;
    event.preventDefault();
    showCursor();
  }

  const press = (button) => document.getElementById(button).click();

  document.addEventListener("keydown", (event) => {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    const tab = document.querySelector(".draw-tab");
    if (!tab?.offsetParent || target.matches("input:not([type=radio], [type=checkbox]), select")) return;
    if (ctrlKey || metaKey || altKey) {
      if (key !== "z" || altKey) return;
      event.preventDefault();
      press("draw-undo");
    } else if (key === "c" && tab.contains(target)) press("draw-clear"); // WCAG 2.1.4: on focus only
    else if (target.id === CANVAS) onKey(event);
  });

  // A drawing that is cleared or taken back ends the stroke; so does another pointer.
  document.addEventListener("click", ({ target }) => {
    if (target.closest("#draw-undo, #draw-clear") && cell) {
      isDown = false;
      corners = null;
      showCursor();
    }
  });
  document.addEventListener("focusout", ({ target }) => target.id === CANVAS && leave());
  document.addEventListener("pointerdown", ({ target }) => target === canvas() && leave());
})();
