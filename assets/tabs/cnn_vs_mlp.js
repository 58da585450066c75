// CNN vs MLP: which pairs to draw, and with which settings both would be trained.
(function () {
  "use strict";

  let tab = null;
  let pairs = "";
  let form = null; // the settings of the next run

  // Stores what has changed in the pairs; a callback draws them.
  function updatePairs() {
    if (tab !== "experiments") return;
    const data = window.live.newestRows().filter(({ pair }) => pair)
      .map(({ pair, run_id, revision, network, state }) => [pair, run_id, revision, network, state]);
    if (JSON.stringify(data) === pairs) return;
    pairs = JSON.stringify(data);
    const show = () => window.digitlab.setProps("pair-pairs", { data });
    window.live.whenIdle("pairs", show, "#pair-sentence");
  }

  function updateSettings() {
    const card = document.querySelector("#preset input:checked + label b");
    const preset = card?.textContent ?? "your own";
    const { settings, titles } = form;
    const dataset = titles[settings.dataset];
    const words = `Trains with Train's settings: ${preset}; data set ${dataset}; seed ${settings.seed}. `;
    document.getElementById("pair-settings").textContent = words;
  }

  // Train's settings lie in a drawer that a button opens.
  document.addEventListener("click", ({ target }) => {
    if (!target.closest(".pair-change")) return;
    const open = () => document.querySelector("#panel-train .fold")?.click();
    document.addEventListener("navigate", open, { once: true });
    window.digitlab.openTab("train");
  });

  document.addEventListener("settings", ({ detail }) => (form = detail));
  document.addEventListener("rows", updatePairs);
  document.addEventListener("navigate", ({ detail }) => {
    tab = detail.tab;
    if (tab === "experiments") updateSettings();
    updatePairs();
  });
})();
