// The Gallery tab: which images to ask the server for.
(function () {
  "use strict";

  const { addCallbacks, imageGrid, noUpdate, setProps } = window.digitlab;

  const grid = imageGrid("gallery", () => "✗", () => {
    setProps("gallery-which", { value: "random" });
    setProps("gallery-digit-choice", { value: "any" });
  });

  // The images of a choice; null without one. Indices into one run's test set may mean nothing in
  // another's.
  function chosenIn(choice, version) {
    return version?.startsWith(`${choice?.run}/`) ? choice.indices : null;
  }
  window.digitlab.chosenIn = chosenIn;

  document.addEventListener("click", ({ target }) => {
    if (target.closest("#gallery-all")) setProps("gallery-choice", { data: null });
  });

  addCallbacks("gallery", {
    // Which gallery to ask for; none while the tab is out of sight. Then what goes with a choice.
    request: (count, which, digit, clicks, choice, version, tab) => {
      const none = new Array(4).fill(noUpdate());
      if (tab !== "gallery") return none;
      const chosen = chosenIn(choice, version);
      const next = grid.ask({
        count: Number(count),
        which,
        digit: digit === "any" ? null : Number(digit),
        seed: clicks || 0,
        chosen,
        version,
      });
      if (!next) return none;
      // A choice has a way back from it, and what else says which images to show is idle.
      const isChosen = Boolean(chosen);
      return [next, isChosen ? "" : "d-none", isChosen, isChosen || which === "unsure"];
    },

    // Paints the images, or the same ones in other colours.
    show: (shown, colours) => {
      grid.colours = colours;
      if (shown) grid.show(shown);
    },
  });
})();
