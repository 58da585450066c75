// The rows of all runs, and the choice of a run. The event `rows` says which rows have changed.
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
    document.dispatchEvent(new CustomEvent("rows", { detail: { changed } }));
  });

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
      ...offered.map(({ run_id, name, word }) => ({ value: run_id, label: `${name}, ${word}` })),
    ];
    if (JSON.stringify(next) === options) return;
    options = JSON.stringify(next);
    window.digitlab.setProps("run-pick", { options: next });
  }

  document.addEventListener("address", ({ detail }) => {
    chosen = detail.run;
    updateChoice();
  });

  Object.assign(window.live, { rows, newestRows, newestRow });
})();
