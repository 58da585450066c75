// The page's address and its colour theme.
(function () {
  "use strict";

  const { addCallbacks, notify, setProps } = window.digitlab;

  const TAB = "tab"; // sessionStorage: a reload without a tab in the address opens the same one
  const ALIASES = { compare: "experiments", explore: "mistakes" };
  const LONGEST = 100; // letters of a run's name that the server reads
  const INSTEAD = "You see the newest run instead. Choose another one under “Run”.";
  const NO_TAB = "This link names a tab that is not here. Choose one above.";
  const NO_RUN = "There is no run yet: press Train to start one.";

  // The address names the tab and the run that are shown, also while the page follows the newest
  // run: `run` of a view is then null. The history remembers that, so a reload follows on, and a
  // link that somebody copies shows this run.
  let wanted = history.state?.run === null ? { ...readAddress(), run: null } : readAddress();
  let view = null; // the tab and the run that are open
  let newest; // the newest run; undefined: not known yet, null: there is none
  let first = null; // what the first message showed: it may come before the page is drawn
  let isNew = false; // whether the view gets an entry in the history

  function readAddress() {
    const parameters = new URLSearchParams(location.search);
    const run = (parameters.get("run") ?? "").slice(0, LONGEST);
    return { tab: parameters.get("tab"), run: ["", "newest"].includes(run) ? null : run };
  }

  function writeAddress() {
    if (view.run === null && newest === undefined) return; // the next message says which it is
    const { tab } = view;
    const run = view.run ?? newest;
    const search = `?${new URLSearchParams(run ? { run, tab } : { tab })}`;
    const write = isNew && search !== location.search ? "pushState" : "replaceState";
    history[write]({ run: view.run }, "", search + location.hash);
    isNew = false;
  }

  // Shows a sentence about the address until another view is opened.
  const remark = (sentence) => notify({ remark: sentence });

  // Back and Forward. An entry that followed the newest run does so again, unless there is a newer
  // one: it shows what it showed.
  window.addEventListener("popstate", () => {
    const asked = readAddress();
    const latest = window.live.newestRow();
    if (history.state?.run === null && asked.run === latest?.run_id) asked.run = null;
    if (view) openAddress(asked);
    else wanted = asked;
  });

  // The run that the server shows, and the one that it was asked for.
  function follow({ run, shown, before }) {
    if (run !== view.run) return;
    if (run !== null && shown !== run) {
      const what =
        before === run
          ? "The run that you looked at is gone."
          : "This link names a run that is not here.";
      open(view.tab, null, true);
      remark(`${what} ${shown ? INSTEAD : NO_RUN}`);
      setProps("run-pick", { value: "newest" });
    } else if (run !== null || shown === newest) return;
    else if (newest === null) remark(""); // it may have said that there is no run
    newest = shown;
    writeAddress();
  }

  document.addEventListener("shown", ({ detail }) => {
    first ??= detail;
    if (view) follow(detail);
  });

  // Opens a tab and a run. What the address names gets no new entry in the history.
  function open(tab, run, isFromAddress) {
    if (!view && first) setTimeout(follow, 0, first);
    const isFirstRun = newest === null && tab === view?.tab;
    isNew = Boolean(view) && !isFromAddress && !isFirstRun;
    if (run === null && view?.run !== null) newest = undefined;
    if (tab !== view?.tab || run !== view.run) remark(""); // the skip link changes the hash alone
    view = { tab, run };
    sessionStorage.setItem(TAB, tab);
    setTimeout(writeAddress); // what is opened at once, tab and run, is one entry
    document.dispatchEvent(new CustomEvent("address", { detail: view }));
  }

  // Opens the tab and the run that the address names.
  function openAddress({ tab: name, run }) {
    const tabs = [...document.querySelectorAll(".tab-panel")].map(({ dataset }) => dataset.tab);
    const named = ALIASES[name] ?? name;
    const candidates = [named, view?.tab, sessionStorage.getItem(TAB), tabs[0]];
    const tab = candidates.find((candidate) => tabs.includes(candidate));
    open(tab, run, true);
    if (named && tab !== named) remark(NO_TAB);
    setProps("open-tab", { data: tab });
    setProps("run-pick", { value: run ?? "newest" });
  }

  // Opens a tab at once; the callbacks of Dash hear of it a little later.
  window.digitlab.openTab = (tab) => {
    if (view && view.tab !== tab) open(tab, view.run, false);
    setProps("open-tab", { data: tab });
  };

  addCallbacks("page", {
    // The server has opened a tab, somebody a run, or the page has just been drawn.
    navigate: (openTab, openRun) => {
      if (!view) return openAddress(wanted);
      const run = openRun === "newest" ? null : openRun;
      if (openTab !== view.tab || run !== view.run) open(openTab, run, false);
    },
  });

  window.digitlab.firstRun = wanted.run;

  // Arrow keys count in fields for whole numbers, as they do in a number input.
  document.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const { id, value } = event.target;
    if (!step || !event.target.matches(".control-number") || !/^\d+$/.test(value)) return;
    event.preventDefault();
    setProps(id, { value: String(Math.max(0, Number(value) + step)) });
  });

  // The colour theme: the system's until somebody chooses.
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const theme = () => localStorage.getItem("theme") || (system.matches ? "dark" : "light");
  const applyTheme = () => {
    document.documentElement.setAttribute("data-bs-theme", theme());
    document.documentElement.setAttribute("data-ag-theme-mode", theme());
    window.dispatchEvent(new Event("theme"));
  };
  system.addEventListener("change", applyTheme);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme")) return;
    localStorage.setItem("theme", theme() === "dark" ? "light" : "dark");
    applyTheme();
  });
  applyTheme();
})();
