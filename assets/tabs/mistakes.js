// The Mistakes tab: the confusion matrix in the room that there is, and what is chosen in it.
(function () {
  "use strict";

  const [LEAST, MOST] = [300, 520]; // pixels

  function frame(truth, predicted) {
    if (truth === "any" && predicted === "any") return [];
    const [y0, y1] = span(truth);
    const [x0, x1] = span(predicted);
    return [{ type: "rect", x0, x1, y0, y1, line: { color: "#888", width: 3 } }];
  }

  const span = (digit) => (digit === "any" ? [-0.5, 9.5] : [Number(digit) - 0.5, Number(digit) + 0.5]);

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    mistakes: {
      // Frames the chosen row, column or cell. The server is not asked: the matrix stays the same.
      matrix: (figure, truth, predicted) => {
        if (!figure?.data.length) return figure ?? window.dash_clientside.no_update; // a sentence
        const room = document.querySelector(".mistakes-matrix").clientWidth - 30;
        const height = Math.min(Math.max(room, LEAST), MOST);
        return { ...figure, layout: { ...figure.layout, height, shapes: frame(truth, predicted) } };
      },
    },
  });
})();
