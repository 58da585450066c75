// The visitor's own drawings: keep one, delete one, and what follows from that on the page.
(function () {
  "use strict";

  const { addCallbacks, noUpdate } = window.digitlab;

  addCallbacks("collection", {
    // A drawing to keep, and as what.
    keep: (clicks, form) => {
      const { triggered, triggered_id } = window.dash_clientside.callback_context;
      if (!triggered[0]?.value) return noUpdate();
      const drawing = window.digitlab.drawing.current();
      return { drawing, as_drawn: form === "drawn", label: triggered_id.digit, at: Date.now() };
    },

    // Which kept drawing to delete, or all; none of them: bring back what was deleted last. The
    // buttons do not call the server themselves: new buttons would call it, too, and Dash 4.4.1
    // would drop the answer to the click.
    remove: () => {
      const { triggered, triggered_id } = window.dash_clientside.callback_context;
      if (!triggered[0]?.value) return noUpdate();
      const all = triggered_id === "hand-delete-all";
      return { drawing: triggered_id.drawing ?? null, all, at: Date.now() };
    },

    // A drawing that was kept stays on the canvas until the next stroke; the page follows a network that is
    // fine-tuned.
    afterChange: (changed) => {
      // Of two callbacks with the same input and no output, Dash 4.4.1 calls one alone: an event
      // tells the others.
      document.dispatchEvent(new Event("collection"));
      if (changed?.kept) window.digitlab.drawing.finish();
      if (changed?.taught) window.digitlab.slider.seekNewest();
      return noUpdate();
    },
  });
})();
