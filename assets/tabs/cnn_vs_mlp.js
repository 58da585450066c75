// The tab CNN vs MLP: which pairs to draw, and with which settings both would be trained.
(function () {
  "use strict";

  let tab = null;
  let pairs = "";

  // Stores what has changed in the pairs; a callback draws them.
  function updatePairs() {
    if (tab !== "experiments") return;
    const found = new Map();
    for (const { pair, ...row } of window.live.newestRows().filter(({ pair }) => pair)) {
      found.set(pair, [
        ...(found.get(pair) ?? []),
        [row.run_id, row.revision, row.network, row.state],
      ]);
    }
    const data = [...found];
    if (JSON.stringify(data) === pairs) return;
    pairs = JSON.stringify(data);
    const show = () => window.digitlab.setProps("compare-pairs", { data });
    window.live.whenIdle("pairs", show, "#compare-sentence");
  }

  function updateSettings() {
    const [preset, dataset, seed] = ["preset", "field-dataset", "field-seed"].map((id) => {
      const field = document.getElementById(id);
      return field.selectedOptions?.[0].text ?? field.value;
    });
    const words = `Settings of the Train tab: ${preset}; data set ${dataset}; seed ${seed}.`;
    document.getElementById("compare-settings").textContent = words;
  }

  document.addEventListener("rows", updatePairs);
  document.addEventListener("navigate", ({ detail }) => {
    tab = detail.tab;
    if (tab === "experiments") updateSettings();
    updatePairs();
  });
})();
