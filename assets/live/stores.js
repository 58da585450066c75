// Stores to which Dash callbacks listen, set once nothing that they change waits for an answer. Dash
// drops an answer that is overtaken by another question: where networks come faster than answers,
// the views would show none of them.
(function () {
  "use strict";

  const AGAIN_MS = 50;
  const OPEN_TAB = ".tab-pane.active *";
  const pending = new Map(); // data, and what must not wait for an answer, by the store's id
  let later = null;

  // Whether parts of the page, by default those of the open tab, wait for an answer of the server.
  const waits = (parts = OPEN_TAB) =>
    Boolean(document.querySelector(`${parts}[data-dash-is-loading]`));

  function flush() {
    clearTimeout(later);
    for (const [id, { data, parts }] of pending) {
      if (waits(parts)) continue;
      pending.delete(id);
      window.dash_clientside.set_props(id, { data });
    }
    if (pending.size) later = setTimeout(flush, AGAIN_MS);
  }

  function setWhenIdle(id, data, parts) {
    pending.set(id, { data, parts });
    flush();
  }

  Object.assign(window.live, { waits, setWhenIdle });
  window.live.listen(({ network }) => network && setWhenIdle("epoch-networks", network));
})();
