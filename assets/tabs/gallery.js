// The Gallery tab: which images to ask the server for.
(function () {
  "use strict";

  const { addCallbacks, noUpdate } = window.digitlab;

  // The images of a choice; null without one. Indices into one run's test set may mean nothing in
  // another's.
  function chosenIn(choice, version) {
    return version?.startsWith(`${choice?.run}/`) ? choice.indices : null;
  }
  window.digitlab.chosenIn = chosenIn;

  addCallbacks("gallery", {
    // Which gallery to ask for; none while the tab is out of sight. Then what goes with a choice.
    request: (count, wrong, clicks, choice, version, tab, previous) => {
      const none = new Array(4).fill(noUpdate());
      if (tab !== "gallery") return none;
      const frame = document.querySelector(".gallery-mosaic");
      const width = frame ? frame.clientWidth - 26 : 800;
      const seed = clicks || 0;
      const chosen = chosenIn(choice, version);
      const next = { count: Number(count), wrong: Boolean(wrong), seed, chosen, version, width };
      if (JSON.stringify(next) === JSON.stringify(previous)) return none;
      // A choice has a way back from it, and what else says which images to show is idle.
      return [next, chosen ? "" : "d-none", Boolean(chosen), Boolean(chosen)];
    },

    clearChoice: (clicks) => (clicks ? null : noUpdate()),
  });
})();
