// All runs: the table, the choice of a run, and the pairs on the tab CNN vs MLP.
(function () {
  "use strict";

  const OPTIONS = 30; // runs that the choice offers

  const rows = new Map(); // by run_id
  const stale = new Set(); // ids of rows that the table does not show yet
  let tab = null;
  let chosen = null;
  let options = "";
  let pairs = "";

  window.live.listen(({ runs = [], removed = [] }, restarted) => {
    const gone = restarted ? [...rows.keys()] : removed;
    for (const id of gone) rows.delete(id);
    for (const row of runs) rows.set(row.run_id, row);
    for (const id of [...gone, ...runs.map(({ run_id }) => run_id)]) stale.add(id);
    if (stale.size || restarted) update();
  });

  const newestFirst = () => [...rows.values()].sort((one, other) => other.number - one.number);

  function update() {
    updateChoice();
    for (const element of document.querySelectorAll("[data-row]")) {
      const row = rows.get(element.dataset.run);
      if (!row) continue;
      if (element.dataset.row === "share") element.style.width = row.share;
      else element.textContent = row[element.dataset.row];
    }
    if (tab === "runs") updateTable();
    if (tab === "compare") updatePairs();
  }

  function updateChoice() {
    const offered = newestFirst().filter(({ run_id }, at) => at < OPTIONS || run_id === chosen);
    const next = [
      { value: "newest", label: "Newest run" },
      ...offered.map(({ run_id, name, state }) => ({ value: run_id, label: `${name}, ${state}` })),
    ];
    if (JSON.stringify(next) === options) return;
    options = JSON.stringify(next);
    window.dash_clientside.set_props("run-pick", { options: next });
  }

  // By the grid's own API: after dash-ag-grid 35.3 has applied a rowTransaction it ticks again what
  // was ticked before, and a tick of that moment would be lost.
  async function updateTable() {
    const grid = await window.dash_ag_grid.getApiAsync("runs-grid");
    const ids = [...stale];
    stale.clear();
    const known = (id) => Boolean(grid.getRowNode(id));
    const there = ids.filter((id) => rows.has(id));
    for (const id of there.filter(known)) grid.getRowNode(id).setData(rows.get(id));
    const add = there.filter((id) => !known(id)).map((id) => rows.get(id));
    const remove = ids.filter((id) => !rows.has(id) && known(id)).map((run_id) => ({ run_id }));
    if (add.length || remove.length) grid.applyTransaction({ add, addIndex: 0, remove });
    else grid.refreshClientSideRowModel("filter"); // and sorts
  }

  // What the tab CNN vs MLP has to draw anew.
  function updatePairs() {
    const found = new Map();
    for (const { pair, ...row } of newestFirst().filter(({ pair }) => pair)) {
      found.set(pair, [...(found.get(pair) ?? []), [row.run_id, row.revision, row.network, row.state]]);
    }
    const next = [...found];
    if (JSON.stringify(next) === pairs) return;
    pairs = JSON.stringify(next);
    const show = () => window.dash_clientside.set_props("compare-pairs", { data: next });
    window.live.whenIdle("pairs", show, "#compare-sentence");
  }

  // With which settings of the Train tab the tab CNN vs MLP would train both.
  function updateSettings() {
    const [preset, dataset, seed] = ["preset", "field-dataset", "field-seed"].map((id) => {
      const field = document.getElementById(id);
      return field.selectedOptions?.[0].text ?? field.value;
    });
    const words = `Settings of the Train tab: ${preset}; data set ${dataset}; seed ${seed}.`;
    document.getElementById("compare-settings").textContent = words;
  }

  document.addEventListener("navigate", ({ detail }) => {
    [tab, chosen] = [detail.tab, detail.run];
    if (tab === "compare") updateSettings();
    update();
  });
})();
