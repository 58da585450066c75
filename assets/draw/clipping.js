// Keeps a stroke within the canvas, so that what is read is what can be seen.
(function () {
  "use strict";

  // The part of a line that lies within a square: its two ends, or null if there is none.
  // Liang and Barsky (1984): each edge moves one of the ends.
  function within(side, from, to) {
    let [first, last] = [0, 1]; // as fractions of the line
    for (const axis of [0, 1]) {
      const way = to[axis] - from[axis];
      if (!way && (from[axis] < 0 || from[axis] > side)) return null;
      if (!way) continue;
      const [enters, leaves] = [-from[axis] / way, (side - from[axis]) / way].sort((a, b) => a - b);
      [first, last] = [Math.max(first, enters), Math.min(last, leaves)];
    }
    if (first > last) return null;
    const rounded = (value) => Math.round(value * 10) / 10;
    const at = (part) => from.map((start, axis) => rounded(start + part * (to[axis] - start)));
    return [at(first), at(last)];
  }

  const isWithin = (side, point) => point.every((value) => value >= 0 && value <= side);

  // Adds the line between two points to the pieces of a stroke; one that comes back begins a piece.
  function addLine(side, pieces, from, to) {
    const part = within(side, from, to);
    if (!part) return;
    const goesOn = pieces.length && isWithin(side, from);
    if (goesOn) pieces.at(-1).push(part[1]);
    else pieces.push(part);
  }

  window.digitlab.clipping = { addLine };
})();
