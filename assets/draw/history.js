// How the answer to a drawing came about, epoch by epoch: what to ask the server for, and when.
(function () {
  "use strict";

  const { addCallbacks, ifChanged, noUpdate, setProps } = window.digitlab;

  const REST_MS = 400; // a drawing that has not changed for so long is sent

  let resting = null;
  document.addEventListener("drawing", () => {
    clearTimeout(resting);
    resting = setTimeout(() => setProps("draw-rested", { data: Date.now() }), REST_MS);
  });

  addCallbacks("drawHistory", {
    // Which history to ask for; none while the tab is out of sight. `last` is the newest epoch.
    request: (version, form, rested, last, tab, previous) => {
      if (tab !== "draw") return noUpdate();
      const drawing = window.digitlab.drawing.current();
      return ifChanged({ drawing, as_drawn: form === "drawn", version, last }, previous);
    },
  });
})();
