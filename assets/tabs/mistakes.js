// The Mistakes tab: which mistakes to ask the server for, and the frame in the confusion matrix.
(function () {
  "use strict";

  const { addCallbacks, noUpdate } = window.digitlab;
  const [MIN_HEIGHT, MAX_HEIGHT] = [300, 520]; // pixels; Python begins with the latter

  const span = (digit) =>
    digit === "any" ? [-0.5, 9.5] : [Number(digit) - 0.5, Number(digit) + 0.5];

  function frame(truth, predicted) {
    if (truth === "any" && predicted === "any") return [];
    const [y0, y1] = span(truth);
    const [x0, x1] = span(predicted);
    return [{ type: "rect", x0, x1, y0, y1, line: { color: "#888", width: 3 } }];
  }

  addCallbacks("mistakes", {
    // Frames the chosen row, column or cell. The server is not asked: the matrix stays the same.
    matrix: (figure, truth, predicted) => {
      if (!figure?.data.length) return figure ?? noUpdate(); // a sentence
      const width = document.querySelector(".mistakes-matrix").clientWidth;
      if (!width) return noUpdate(); // out of sight; it is drawn when the tab is opened again
      const height = Math.min(Math.max(width - 30, MIN_HEIGHT), MAX_HEIGHT);
      return { ...figure, layout: { ...figure.layout, height, shapes: frame(truth, predicted) } };
    },

    // Which mistakes to ask for; none while the tab is out of sight. Another choice begins at its
    // first page.
    request: (wrong, truth, predicted, category, order, page, version, tab, previous) => {
      const none = [noUpdate(), noUpdate()];
      if (tab !== "mistakes") return none;
      const inside = (frame) => (document.querySelector(frame)?.clientWidth ?? 0) - 30;
      const choice = { wrong: Boolean(wrong), true: truth, predicted, category, order };
      const same = (one) => previous && Object.keys(one).every((key) => one[key] === previous[key]);
      const next = {
        ...choice,
        page: !previous || same(choice) ? page : 1,
        version,
        width: inside(".mistakes-images .gallery-mosaic"),
      };
      return same(next) ? none : [next, next.page];
    },

    // A cell of the confusion matrix filters its images alone, the button shows all mistakes.
    // True digit, predicted digit, only wrong ones, learning category.
    filterFromCell: (click, reset, category) => {
      const trigger = window.dash_clientside.callback_context.triggered_id;
      if (trigger === "mistakes-reset") return ["any", "any", true, "any"];
      if (trigger === "mistakes-category") {
        // No image of these categories is wrong at the end.
        const right = ["0", "1", "2"].includes(category);
        return [noUpdate(), noUpdate(), right ? false : noUpdate(), noUpdate()];
      }
      const point = click?.points?.[0];
      if (!point) return new Array(4).fill(noUpdate());
      return [String(point.y), String(point.x), point.x !== point.y, "any"];
    },
  });
})();
