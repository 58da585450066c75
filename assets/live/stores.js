// Stores to which Dash callbacks listen, set once the open tab waits for no answer. Dash drops an
// answer that is overtaken by another question: where networks come faster than answers, the views
// would show none of them.
(function () {
  "use strict";

  const AGAIN_MS = 50;
  const pending = new Map(); // data by the store's id
  let later = null;

  // Whether the open tab waits for an answer of the server.
  const waits = () => Boolean(document.querySelector(".tab-pane.active [data-dash-is-loading]"));

  function flush() {
    clearTimeout(later);
    if (waits()) {
      later = setTimeout(flush, AGAIN_MS);
      return;
    }
    for (const [id, data] of pending) window.dash_clientside.set_props(id, { data });
    pending.clear();
  }

  function setWhenIdle(id, data) {
    pending.set(id, data);
    flush();
  }

  Object.assign(window.live, { waits, setWhenIdle });
  window.live.listen(({ network }) => network && setWhenIdle("epoch-networks", network));
})();
