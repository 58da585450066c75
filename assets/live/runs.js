// The rows of all runs: the choice of a run, and elements that show a field of a row. The event
// `rows` says which rows have changed.
(function () {
  "use strict";

  const OPTIONS = 30; // runs that the choice offers
  const TRAINING = ["running", "stopping"];

  const rows = new Map(); // by run_id
  let chosen = null;
  let options = "";

  window.live.listen(({ runs = [], removed = [] }, restarted) => {
    const gone = restarted ? [...rows.keys()] : removed;
    for (const id of gone) rows.delete(id);
    for (const row of runs) rows.set(row.run_id, row);
    const changed = [...gone, ...runs.map(({ run_id }) => run_id)];
    if (!changed.length && !restarted) return;
    updateChoice();
    updateElements();
    document.dispatchEvent(new CustomEvent("rows", { detail: { changed } }));
  });

  function updateElements() {
    for (const element of document.querySelectorAll("[data-row]")) {
      const row = rows.get(element.dataset.run);
      if (!row) continue;
      if (element.dataset.row === "share") element.style.width = row.share;
      else element.textContent = row[element.dataset.row];
    }
  }

  const newestRows = () => [...rows.values()].sort((one, other) => other.number - one.number);

  // The run that "Newest run" stands for: the one that trains, else the one that was made last.
  function newestRow() {
    const all = newestRows();
    return all.find(({ state }) => TRAINING.includes(state)) ?? all[0];
  }

  function updateChoice() {
    const offered = newestRows().filter(({ run_id }, at) => at < OPTIONS || run_id === chosen);
    const newest = newestRow();
    const next = [
      { value: "newest", label: newest ? `${newest.name} (newest)` : "Newest run" },
      ...offered.map(({ run_id, name, state }) => ({ value: run_id, label: `${name}, ${state}` })),
    ];
    if (JSON.stringify(next) === options) return;
    options = JSON.stringify(next);
    window.digitlab.setProps("run-pick", { options: next });
  }

  document.addEventListener("address", ({ detail }) => {
    chosen = detail.run;
    updateChoice();
    updateElements();
  });

  Object.assign(window.live, { rows, newestRows, newestRow });
})();
