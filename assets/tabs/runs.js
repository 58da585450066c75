// The Runs tab: the table, the bar for the selected runs and their comparison, downloads, and the
// import of weights from a file, chosen with the button or dropped on it. The file is sent as it is:
// a callback of Dash would wrap it in JSON, a third longer.
(function () {
  "use strict";

  const { ask, element, make, NO_ANSWER, onPress, openTab, saveInTurn, setProps } = window.digitlab;

  const MAX_LETTERS = 1000; // of a name or a note
  const NOT_LOADED = "The file did not arrive: the connection to Digit Lab is lost. Try again.";

  // What each button does: the first that can be done with any of the selected runs.
  const BUTTONS = {
    "runs-pause": ["pause", "resume"],
    "runs-stop": ["stop"],
    "runs-repeat": ["repeat"],
    "runs-delete": ["delete"],
    "runs-rewind": ["rewind"],
  };
  const PHONE = window.matchMedia("(max-width: 56rem)");
  const NARROW = window.matchMedia("(max-width: 75rem)");
  const NOT_NARROW = ["preset", "dataset", "seed", "created", "curve"]; // columns
  const ROW_HEIGHT = { phone: 58, else: 37 }; // px
  const COMPARE_MS = 1000; // between two comparisons of runs that train

  const stale = new Set(); // ids of rows that the table does not show yet
  let tab = null;
  let grid = null; // its API, once it has come
  let comparison = null; // the timer of the next one

  // By the grid's own API: after dash-ag-grid 35.3 has applied a rowTransaction it ticks again what
  // was ticked before, and a tick of that moment would be lost.
  async function updateTable() {
    if (tab !== "runs") return;
    if (!grid) await setUp();
    const { rows } = window.live;
    const ids = [...stale];
    stale.clear();
    const known = (id) => Boolean(grid.getRowNode(id));
    const there = ids.filter((id) => rows.has(id));
    // Unlike setData, updateData paints only the cells whose values have changed.
    const update = PHONE.matches ? "setData" : "updateData";
    for (const id of there.filter(known)) grid.getRowNode(id)[update](rows.get(id));
    const add = there.filter((id) => !known(id)).map((id) => rows.get(id));
    const remove = ids.filter((id) => !rows.has(id) && known(id)).map((run_id) => ({ run_id }));
    if (add.length || remove.length) grid.applyTransaction({ add, addIndex: 0, remove });
    else if (isOrderedByWhatChanges()) grid.refreshClientSideRowModel("filter"); // and sorts
    updateBar();
    updateNoRows();
    const selected = grid.getSelectedRows().map(({ run_id }) => run_id);
    // Others may join or leave the group of a selected run.
    if (add.length || remove.length || ids.some((id) => selected.includes(id))) compare();
  }

  // Draws the selected runs again, which have changed.
  function compare(milliseconds = COMPARE_MS) {
    comparison ??= setTimeout(() => {
      comparison = null;
      const changed = () => setProps("runs-changed", { data: Date.now() });
      if (tab !== "runs") return;
      window.live.whenIdle("comparison", changed);
      if (wanted) showOne(wanted);
    }, milliseconds);
  }

  // The one selected run, if it can be continued: from which epochs, and with what.

  let wanted = null; // its id
  let one = null; // the run that is shown

  async function showOne(id) {
    wanted = id;
    const [part, epochs] = [element("runs-one"), element("runs-epoch")];
    if (id !== one?.run_id) part.hidden = true;
    if (!id) {
      one = null;
      epochs.replaceChildren();
      return;
    }
    const found = await ask("GET", `/api/runs/${id}`).catch(() => null);
    if (id !== wanted) return;
    if (!found) return compare(); // and asks again
    const before = one;
    one = found;
    part.hidden = false;
    element("runs-one-title").textContent = `Continue ${nameOf(one)}`;
    // A list that somebody has open stays as it is.
    if (before?.run_id === id && String(before.kept) === String(one.kept)) return;
    const chosen = epochs.value && Number(epochs.value); // somebody's choice stays
    const proposed = one.kept.findLast((epoch) => epoch < one.epochs);
    epochs.replaceChildren(...one.kept.map((epoch) => new Option(epoch || "0 (untrained)", epoch)));
    epochs.value = one.kept.includes(chosen) ? chosen : proposed;
    suggest();
  }

  const nameOf = ({ name, number }) => name || `Run ${number}`;

  // Tells what the setting is, and what it can be.
  function suggest() {
    const { value: name } = element("runs-field");
    const { kinds, titles } = window.digitlab.settings;
    const kind = kinds()[name];
    const choices = kind === "bool" ? ["true", "false"] : Array.isArray(kind) ? kind : [];
    const options = choices.map((value) => make("option", { value, label: titles()[value] ?? value }));
    element("runs-choices").replaceChildren(...options);
    setProps("runs-value", { placeholder: `now ${one.config[name]}` });
  }

  document.addEventListener("change", ({ target }) => {
    if (target.id !== "runs-field") return;
    setProps("runs-value", { value: "" }); // it was another setting's
    suggest();
  });

  const isOrderedByWhatChanges = () =>
    grid.getGridOption("quickFilterText") ||
    grid.getColumnState().some(({ colId, sort }) => sort && colId !== "created");

  async function setUp() {
    grid = await window.dash_ag_grid.getApiAsync("runs-grid");
    grid.addEventListener("selectionChanged", updateBar);
    grid.addEventListener("cellValueChanged", edit);
    for (const query of [PHONE, NARROW]) query.addEventListener("change", fit);
    fit();
    find();
  }

  // A phone shows two lines a run, in the column of its name.
  function fit() {
    const columns = grid.getColumns().map((column) => column.getColId());
    const others = columns.filter((id) => id !== "name" && !id.startsWith("ag-Grid"));
    const hidden = PHONE.matches ? others : NARROW.matches ? NOT_NARROW : [];
    grid.setColumnsVisible(others, true);
    grid.setColumnsVisible(hidden, false);
    const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    grid.setGridOption("rowHeight", scale * (PHONE.matches ? ROW_HEIGHT.phone : ROW_HEIGHT.else));
    grid.setGridOption("headerHeight", scale * (PHONE.matches ? 44 : 36));
  }

  function find() {
    grid.setGridOption("quickFilterText", element("runs-find").value);
    updateNoRows();
  }

  function updateNoRows() {
    const note = document.querySelector(".runs-none");
    note.hidden = grid.getDisplayedRowCount() > 0;
    note.classList.toggle("no-runs", !window.live.rows.size);
  }

  // The bar for the selected runs offers what can be done with any of them.
  function updateBar() {
    const selected = selectedRuns();
    const can = new Set(selected.flatMap((run) => run.can));
    element("runs-bulk").hidden = !selected.length;
    document.querySelector(".runs-idle").hidden = Boolean(selected.length);
    const count = document.querySelector(".runs-count");
    const words = `${selected.length} selected`;
    if (count.textContent !== words) count.textContent = words;
    for (const [id, actions] of Object.entries(BUTTONS)) {
      element(id).hidden = !actions.some((action) => can.has(action));
    }
    const [run] = selected.length === 1 ? selected : [];
    const { length: seeds } = run ? groupOf(run) : [];
    element("runs-group-line").hidden = !seeds;
    const group = `One of ${seeds} runs that differ only in their seeds.`;
    if (seeds) element("runs-group-size").textContent = group;
    element("runs-files").hidden = !run?.can.includes("weights");
    for (const link of document.querySelectorAll(".bulk a.file")) {
      const kind = /of-(\w+)/.exec(link.className)[1];
      link.hidden = !can.has(kind);
      if (run) link.href = link.href.replace(/\/api\/runs\/[^/]+/, `/api/runs/${run.run_id}`);
    }
    const id = run?.can.includes("continue") ? run.run_id : null;
    if (id !== wanted) showOne(id);
    const label = can.has("pause") ? "Pause" : "Resume";
    if (element("runs-pause").textContent !== label) setProps("runs-pause", { children: label });
  }

  // The selected runs, the newest first.
  function selectedRuns() {
    const selected = grid.getSelectedRows().map(({ run_id }) => window.live.rows.get(run_id));
    return selected.filter(Boolean).sort((one, other) => other.number - one.number);
  }

  // The runs that differ from one only in their seeds, and that one.
  const groupOf = ({ group }) => window.live.newestRows().filter((row) => group && row.group === group);

  // What the buttons do

  const LIST = new Intl.ListFormat("en-GB"); // a, b and c
  const titles = (runs) => LIST.format(runs.map(({ name }) => name));

  let deleted = []; // runs that Undo brings back

  const request = (action) => ({ run_id }) =>
    action === "delete"
      ? ask("DELETE", `/api/runs/${run_id}`)
      : ask("POST", `/api/runs/${run_id}/${action}`);

  // Asks for each run in turn: the runs it went well with, and the sentences about the others.
  async function inTurn(runs, asks) {
    const [done, problems] = [[], new Set()];
    for (const run of runs) {
      try {
        await asks(run);
        done.push(run);
      } catch (sentence) {
        problems.add(sentence);
        if (sentence === NO_ANSWER) break;
      }
    }
    return [done, [...problems].join(" ")];
  }

  async function act({ id }) {
    const selected = selectedRuns();
    const isAble = (action) => ({ can }) => can.includes(action);
    const action = BUTTONS[id].find((one) => selected.some(isAble(one)));
    const [done, problems] = await inTurn(selected.filter(isAble(action)), request(action));
    const repeated =
      `${titles(done)} will be trained with 5 seeds. Select all of them below to see their mean ` +
      "and spread.";
    if (problems) showMessage(problems);
    else showMessage(action === "repeat" ? repeated : "", "info");
    if (action !== "delete" || !done.length) return;
    deleted = done;
    setProps("runs-deleted-names", { children: `Deleted: ${titles(done)}. ` });
    setProps("runs-deleted", { is_open: true });
  }

  async function undo() {
    const [done, problems] = await inTurn(deleted, request("restore"));
    deleted = deleted.filter((run) => !done.includes(run));
    showMessage(problems);
    setProps("runs-deleted", { is_open: problems.includes(NO_ANSWER) });
  }

  function show() {
    setProps("run-pick", { value: grid.getSelectedRows()[0].run_id });
    setProps("open-tab", { data: "curves" });
  }

  // One after the other: the server answers two requests at once in any order.
  let edits = Promise.resolve();
  const edit = (event) => (edits = edits.then(() => saveCell(event)));

  async function saveCell({ data, node, colDef: { field }, newValue, oldValue }) {
    const value = typeof newValue === "boolean" ? newValue : (newValue ?? "").slice(0, MAX_LETTERS);
    try {
      await ask("PATCH", `/api/runs/${data.run_id}`, { [field]: value });
    } catch (sentence) {
      showMessage(sentence);
      data[field] = oldValue;
      grid.refreshCells({ rowNodes: [node], force: true });
    }
  }

  function selectGroup() {
    const ids = groupOf(selectedRuns()[0]).map(({ run_id }) => run_id);
    const nodes = ids.map((id) => grid.getRowNode(id)).filter(Boolean);
    grid.setNodesSelected({ nodes, newValue: true });
  }

  // The path of what is done with the one run, and the epoch to continue from.
  function ofOne(action) {
    const { value: epoch } = element("runs-epoch");
    if (!epoch || one.run_id !== wanted) throw "Select a run first.";
    return [`/api/runs/${one.run_id}/${action}`, Number(epoch)];
  }

  async function rewind() {
    const [path, epoch] = ofOne("rewind");
    const run = await ask("POST", path, { epoch });
    sayOfOne(`${nameOf(run)} is back after epoch ${epoch}. Resume it to go on from there.`, "info");
  }

  async function fork() {
    const [path, epoch] = ofOne("fork");
    const [{ value: field }, { value }] = [element("runs-field"), element("runs-value")];
    const change = value && window.digitlab.settings.typed({ [field]: value });
    const child = await ask("POST", path, { epoch, ...change });
    setProps("run-pick", { value: child.run_id });
    sayOfOne(`${nameOf(child)} goes on from there. Select both to see where they part.`, "info");
  }

  const sayOfOne = (children, color = "danger") =>
    setProps("runs-one-say", { children, color, is_open: true });

  onPress("#runs-show", show, showMessage);
  onPress("#runs-pause, #runs-stop, #runs-repeat, #runs-delete", act, showMessage);
  onPress("#runs-undo", undo, showMessage);
  onPress("#runs-group", selectGroup, showMessage);
  onPress("#runs-rewind", rewind, sayOfOne);
  onPress("#runs-fork", fork, sayOfOne);

  document.addEventListener("rows", ({ detail }) => {
    for (const id of detail.changed) stale.add(id);
    updateTable();
  });
  document.addEventListener("navigate", ({ detail }) => {
    tab = detail.tab;
    updateTable();
    compare(0);
  });
  document.addEventListener("input", ({ target }) => target.id === "runs-find" && grid && find());
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (target.closest(".runs-clear")) grid.deselectAll();
    else if (target.closest(".runs-train")) openTab("train");
    else if (target.closest(".runs-show-all")) {
      setProps("runs-find", { value: "" });
      element("runs-find").value = "";
      find();
      element("runs-find").focus();
    } else if (target.closest(".bulk a.file")) {
      event.preventDefault();
      download(target.closest("a").href);
    }
  });
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (tab !== "runs" || !grid) return;
    const isOpen = target.closest?.(".ag-cell-inline-editing, dialog, .show, input[type=search]");
    if (key === "Escape" && !isOpen) grid.deselectAll();
    const buttons = [...(target.closest?.("#runs-bulk")?.querySelectorAll(":scope > button, .dropdown-toggle") ?? [])]
      .filter((button) => button.offsetParent);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step && buttons.includes(target)) {
      buttons[(buttons.indexOf(target) + step + buttons.length) % buttons.length].focus();
    }
  });

  // Through a request of the page's own: a browser would open the answer if there is no such file.
  async function download(address) {
    try {
      const answer = await fetch(address);
      if (!answer.ok) {
        showMessage((await answer.json()).error);
        return;
      }
      const link = make("a", {
        download: /filename="(.*)"/.exec(answer.headers.get("content-disposition"))[1],
        href: URL.createObjectURL(await answer.blob()),
      });
      await saveInTurn(() => link.click());
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch {
      showMessage(NOT_LOADED);
    }
  }

  // Cells of the table.
  const { createElement } = window.React;
  const percent = (value) => (value == null ? "–" : `${value.toFixed(2)}\u202f%`);
  const stateMark = ({ state, word }) =>
    createElement("span", { className: `state state-${state}` },
      createElement("i", { className: "dot" }), word);
  const CURVE_SIZE = {
    className: "run-curve", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": true,
  };
  const MOST_NINES = 3; // 99.9 %

  // Accuracies in nines, the logarithm of the error: all good networks would look alike in percent.
  function curveOf(accuracies, stroke) {
    if (!accuracies) return null;
    const places = accuracies.split(" ").map((accuracy, at, all) => {
      const across = all.length > 1 ? (100 * at) / (all.length - 1) : 50;
      const nines = Math.min(-Math.log10(1 - accuracy), MOST_NINES);
      return `${across} ${100 - (100 * nines) / MOST_NINES}`;
    });
    const isPoint = places.length === 1;
    const d = `M${places.join("L")}${isPoint ? "h.01" : ""}`; // the ends of lines are round
    const strokeWidth = isPoint ? 6 : 2;
    return createElement("path", { d, stroke, strokeWidth, vectorEffect: "non-scaling-stroke" });
  }
  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions ?? {}, {
    RunState: ({ data }) => stateMark(data),
    RunCurve: ({ data, value }) => createElement("svg", CURVE_SIZE, curveOf(value, data.colour)),
    RunName: ({ data, value }) =>
      createElement("span", { className: "run-name" },
        createElement("span", { style: { color: data.colour }, "aria-hidden": true }, data.mark),
        createElement("b", null, value),
        createElement("span", { className: "run-line" }, stateMark(data),
          ...[percent(data.best), data.took, data.model].map((text) =>
            createElement("span", { key: text }, text)))),
  });

  // Run 9 comes before Run 10, also when both started in the same second, and an empty name becomes
  // the number's.
  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    byNumbersInText: (one, other) => one.localeCompare(other, undefined, { numeric: true }),
    byStart: (one, other, { data: first }, { data: second }) =>
      one.localeCompare(other) || first.number - second.number,
    runPercent: percent,
    runName: ({ newValue, data }) => (newValue ?? "").trim() || `Run ${data.number}`,
  });

  // Shows a sentence above the table, or none.
  function showMessage(children, color = "danger") {
    setProps("runs-say", { children, color, is_open: Boolean(children) });
  }

  async function importWeights(file) {
    const button = document.getElementById("runs-upload");
    const most = Number(button.dataset.mostBytes);
    if (file.size > most) {
      showMessage(`That file is too large: weights may have ${most >> 20} MB.`);
      return;
    }
    button.disabled = true;
    try {
      const path = `/api/import?name=${encodeURIComponent(file.name)}`;
      const { run_id, message } = await ask("POST", path, file);
      setProps("run-pick", { value: run_id });
      showMessage(`${message}. Every view shows it now.`, "info");
    } catch (sentence) {
      showMessage(sentence);
    }
    button.disabled = false;
  }

  window.digitlab.onFileChosen("#runs-upload", importWeights);
  document.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0]; // draw/pictures.js keeps the page
    if (file && event.target.closest("#runs-upload")) importWeights(file);
  });
})();
