// The Inside tab: which image to ask the server for, and the pixel under the pointer.
(function () {
  "use strict";

  const { addCallbacks, ifChanged, noUpdate, setProps } = window.digitlab;

  const POINT_MS = 40; // a pointer that passes over a map asks for nothing
  let pointing = null;

  addCallbacks("inside", {
    // Which image to look at inside of which network; none while the tab is out of sight.
    request: (source, index, version, form, tab, previous) => {
      if (tab !== "inside") return noUpdate();
      const frame = document.querySelector(".inside-layers");
      const drawing = source === "drawing" ? window.digitlab.drawing.current() : null;
      const as_drawn = form === "drawn";
      const width = frame?.clientWidth || 360;
      return ifChanged({ source, index, drawing, as_drawn, version, width }, previous);
    },

    // The figures of all layers, each to its graph.
    showMaps: (figures) => figures,

    // The point of a layer's maps that is under the pointer, once that rests a moment.
    selectPoint: () => {
      const { triggered, triggered_id } = window.dash_clientside.callback_context;
      const at = triggered[0]?.value?.points?.[0];
      if (!at) return noUpdate(); // it left: what was shown stays
      clearTimeout(pointing);
      const data = { layer: triggered_id.place, x: at.x, y: at.y };
      pointing = setTimeout(() => setProps("inside-point", { data }), POINT_MS);
      return noUpdate();
    },

    // Outlines, in each layer's maps, the numbers of which the one under the pointer was made.
    outline: (paths) => {
      document.querySelectorAll(".inside-layer .js-plotly-plot").forEach((graph, index) => {
        const path = paths?.[index];
        if (!path && !graph.layout?.shapes?.length) return;
        const line = { color: "#F0E442", width: 1.5 };
        window.Plotly.relayout(graph, { shapes: path ? [{ type: "path", path, line }] : [] });
      });
      return noUpdate();
    },
  });
})();
