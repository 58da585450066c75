// What waits until nothing in the open tab waits for an answer. Dash drops an answer that is
// overtaken by another question: where networks come faster than answers, the views would show none
// of them.
(function () {
  "use strict";

  const AGAIN_MS = 50;
  const OPEN_TAB = ".tab-panel:not([hidden]) *";
  const pending = new Map(); // an action, and the parts of the page that must not wait, by its name
  let later = null;

  // Whether parts of the page, by default those of the open tab, wait for an answer of the server.
  const waits = (parts = OPEN_TAB) =>
    Boolean(document.querySelector(`${parts}[data-dash-is-loading]`));

  function flush() {
    clearTimeout(later);
    for (const [name, { action, parts }] of pending) {
      if (waits(parts)) continue;
      pending.delete(name);
      action();
    }
    if (pending.size) later = setTimeout(flush, AGAIN_MS);
  }

  // A later action of the same name takes the place of one that still waits.
  function whenIdle(name, action, parts) {
    pending.set(name, { action, parts });
    flush();
  }

  Object.assign(window.live, { waits, whenIdle });
})();
