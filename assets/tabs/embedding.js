// The Embedding tab: which embedding to ask the server for, and the images that a lasso chooses.
(function () {
  "use strict";

  const { addCallbacks, ifChanged, noUpdate } = window.digitlab;

  addCallbacks("embedding", {
    // Which embedding to ask for; none while the tab is out of sight. t-SNE takes seconds: newer
    // weights wait until it is there, or a network that learns quickly would never be shown.
    request: (method, version, form, idle, choice, tab, previous) => {
      if (tab !== "embedding") return noUpdate();
      const drawing = window.digitlab.drawing.current();
      const chosen = window.digitlab.chosenIn(choice, version);
      const next = { method, version, drawing, as_drawn: form === "drawn", chosen };
      const busy = !idle && previous?.method === "tsne" && method === "tsne";
      return busy ? noUpdate() : ifChanged(next, previous);
    },

    // The images in a lasso, which the gallery is to show; null after a double click. A selection
    // without points changes nothing: Plotly reports one when it paints another epoch.
    chooseImages: (selected, shown) => {
      if (!shown) return noUpdate(); // the tab was built just now
      if (selected === null) return null;
      const indices = (selected?.points ?? [])
        .map(({ customdata }) => customdata)
        .filter((index) => index !== undefined); // names of classes have none
      return indices.length ? { run: shown.run, indices } : noUpdate();
    },

    // How many images are chosen, and the class of the button that opens the gallery.
    describeChoice: (choice, version) => {
      const count = window.digitlab.chosenIn(choice, version)?.length;
      if (!count) return ["", "d-none"];
      return [count === 1 ? "1 image chosen." : `${count} images chosen.`, ""];
    },

    openGallery: (clicks) => (clicks ? "gallery" : noUpdate()),
  });
})();
