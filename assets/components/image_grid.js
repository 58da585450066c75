// Grids of images: a click chooses one.
window.digitlab.addCallbacks("imageGrid", {
  // The image that was clicked, and what is shown now; after a new figure, the same image.
  selectPoint: (click, shown, chosen) => {
    const { triggered } = window.dash_clientside.callback_context;
    if (!triggered.some(({ prop_id }) => prop_id.endsWith(".clickData"))) {
      return chosen ? { ...chosen, shown } : window.digitlab.noUpdate();
    }
    const point = click?.points?.[0];
    if (!point || !shown) return window.digitlab.noUpdate();
    return { at: [point.x, point.y], of: shown, shown };
  },
});
