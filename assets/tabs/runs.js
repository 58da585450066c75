// The Runs tab: the table, and the import of weights from a file, chosen with the button or dropped
// on it. The file is sent as it is: a callback of Dash would wrap it in JSON, a third longer.
(function () {
  "use strict";

  const { setProps, url } = window.digitlab;

  const NOT_SENT = "The file could not be sent: the connection to Digit Lab is lost. Try again.";

  const stale = new Set(); // ids of rows that the table does not show yet
  let tab = null;

  // By the grid's own API: after dash-ag-grid 35.3 has applied a rowTransaction it ticks again what
  // was ticked before, and a tick of that moment would be lost.
  async function updateTable() {
    if (tab !== "runs") return;
    const grid = await window.dash_ag_grid.getApiAsync("runs-grid");
    const { rows } = window.live;
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

  document.addEventListener("rows", ({ detail }) => {
    for (const id of detail.changed) stale.add(id);
    updateTable();
  });
  document.addEventListener("navigate", ({ detail }) => {
    tab = detail.tab;
    updateTable();
  });

  // Run 9 comes before Run 10, also when both started in the same second, and an empty name becomes
  // the number's.
  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    byNumbersInText: (one, other) => one.localeCompare(other, undefined, { numeric: true }),
    byStart: (one, other, { data: first }, { data: second }) =>
      one.localeCompare(other) || first.number - second.number,
    runName: ({ newValue, data }) => (newValue ?? "").trim() || `Run ${data.number}`,
  });

  function showMessage(children, color) {
    setProps("runs-say", { children, color, is_open: true });
  }

  async function importWeights(file) {
    const button = document.getElementById("runs-upload");
    const most = Number(button.dataset.mostBytes);
    if (file.size > most) {
      showMessage(`That file is too large: weights may have ${most >> 20} MB.`, "danger");
      return;
    }
    button.disabled = true;
    try {
      const address = url(`/api/import?name=${encodeURIComponent(file.name)}`);
      const answer = await fetch(address, { method: "POST", body: file });
      const { error, run_id, message } = await answer.json();
      if (error) {
        showMessage(error, "danger");
        return;
      }
      setProps("run-pick", { value: run_id });
      showMessage(`${message}. Every tab shows it now.`, "info");
    } catch {
      showMessage(NOT_SENT, "danger");
    } finally {
      button.disabled = false;
    }
  }

  window.digitlab.onFileChosen("#runs-upload", importWeights);
  document.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0]; // draw/pictures.js keeps the page
    if (file && event.target.closest("#runs-upload")) importWeights(file);
  });
})();
