// The Draw tab's side of one's own handwriting, and of a drawing's course over the epochs: what to
// ask the server for, and when. Does not know what it answers or how that is shown.
(function () {
  "use strict";

  const REST_MS = 400; // a drawing that has not changed for so long is worth its course

  const noUpdate = () => window.dash_clientside.no_update;

  let resting = null;
  document.addEventListener("drawing", () => {
    clearTimeout(resting);
    resting = setTimeout(() => {
      window.dash_clientside.set_props("draw-rested", { data: Date.now() });
    }, REST_MS);
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    handwriting: {
      // Which course to ask for; none while the tab is out of sight. `last` is the newest epoch.
      course: (version, form, rested, last, tab, previous) => {
        if (tab !== "draw") return noUpdate();
        const drawing = window.digitlab.drawing();
        const next = { drawing, as_drawn: form === "drawn", version, last };
        return JSON.stringify(next) === JSON.stringify(previous) ? noUpdate() : next;
      },

      // The name under which this browser's drawings are kept: once thrown, it stays.
      owner: (_, known) => {
        if (known) return noUpdate();
        const bytes = crypto.getRandomValues(new Uint8Array(16));
        return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      },

      // A drawing to keep, and as what.
      keep: (clicks, form) => {
        const { triggered, triggered_id } = window.dash_clientside.callback_context;
        if (!triggered[0]?.value) return noUpdate();
        const drawing = window.digitlab.drawing();
        return { drawing, as_drawn: form === "drawn", label: triggered_id.digit, at: Date.now() };
      },

      // Which kept drawing to delete; none of them: bring the last one back. Said here and not by the
      // buttons to the server: buttons that come with new numbers, too, would ask it, and Dash would
      // drop the answer to the click.
      remove: () => {
        const { triggered, triggered_id } = window.dash_clientside.callback_context;
        if (!triggered[0]?.value) return noUpdate();
        return { drawing: triggered_id.drawing ?? null, at: Date.now() };
      },

      // What was kept stays on the canvas until the next stroke; a network that is taught is
      // followed.
      kept: (changed) => {
        if (changed?.kept) window.digitlab.finish();
        if (changed?.taught) window.digitlab.seekNewest();
        return noUpdate();
      },
    },
  });
})();
