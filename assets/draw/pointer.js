// One pointer draws on a canvas, from its pointerdown to its own end. All others are ignored, but a
// pen beats a touch: a palm comes to the screen before the pen does. The style sheet keeps the
// browser from scrolling and selecting; preventDefault of a pointerdown would end a pen's events in
// WebKit.
(function () {
  "use strict";

  const { CANVAS, SIDE, gesture } = window.digitlab.drawing;

  const PALM_MS = 500; // a palm comes at most so long before its pen

  let pointer = null; // {id, type} of the one that draws
  let palmAt = -Infinity; // when a touch ended that may have been a palm's

  function position(event) {
    const canvas = document.getElementById(CANVAS);
    const frame = canvas.getBoundingClientRect();
    const scale = SIDE / canvas.clientWidth; // without the border
    const x = (event.clientX - frame.left - canvas.clientLeft) * scale;
    const y = (event.clientY - frame.top - canvas.clientTop) * scale;
    return [x, y];
  }

  // A pointer whose end got lost does not keep others from drawing: a primary one is the first
  // of its type on the screen. A thumb beside the canvas can be the primary one.
  function mayDraw({ pointerId, pointerType, isPrimary }) {
    if (!pointer || pointer.id === pointerId) return true;
    if (pointer.type === pointerType) return isPrimary;
    return pointerType === "pen" && pointer.type === "touch";
  }

  function end() {
    if (pointer) gesture.end();
    pointer = null;
  }

  document.addEventListener("pointerdown", (event) => {
    if (event.target.id !== CANVAS || event.button !== 0 || !mayDraw(event)) return;
    const palm = event.timeStamp - palmAt < PALM_MS || pointer?.type === "touch";
    if (palm && event.pointerType === "pen") gesture.drop();
    else end();
    pointer = { id: event.pointerId, type: event.pointerType };
    palmAt = -Infinity;
    gesture.begin(position(event));
    event.target.setPointerCapture(event.pointerId);
  });

  document.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer?.id) return;
    // A mouse sends no pointerup while another of its buttons is pressed.
    if (event.pointerType === "mouse" && !(event.buttons & 1)) return end();
    const moves = event.getCoalescedEvents?.() ?? [];
    gesture.move((moves.length ? moves : [event]).map(position));
  });

  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    document.addEventListener(type, (event) => {
      if (event.pointerId !== pointer?.id) return;
      // The browser took it away, or it left no more than a dot.
      const mayBePalm = type === "pointercancel" || gesture.isDot();
      palmAt = event.pointerType === "touch" && mayBePalm ? event.timeStamp : -Infinity;
      end();
    });
  }
  window.addEventListener("blur", end);

  // Chromium takes a quick stroke for a scroll with momentum, although nothing scrolls here. The
  // next tap, within two seconds, would only stop that.
  document.addEventListener("built", ({ detail }) => {
    if (detail !== "panel-draw") return;
    const prevent = (event) => event.cancelable && event.preventDefault();
    document.getElementById(CANVAS).addEventListener("touchmove", prevent, { passive: false });
  });
})();
