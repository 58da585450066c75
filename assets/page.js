// The page's address and its colour theme.
(function () {
  "use strict";

  const { addCallbacks, noUpdate, setProps } = window.digitlab;

  let restored = false;

  // At first the address says which tab and run to show; its words are used once.
  function restoreFromUrl(search) {
    const wanted = new URLSearchParams(restored ? "" : search);
    restored = true;
    return { wantedTab: wanted.get("tab"), wantedRun: wanted.get("run") };
  }

  addCallbacks("page", {
    // Restores tab and run from the address, and then keeps the address up to date.
    navigate: (search, openTab, openRun) => {
      const { wantedTab, wantedRun } = restoreFromUrl(search);
      const tabs = document.querySelector(".shell").dataset.tabs.split(" ");
      const tab = [wantedTab, openTab].find((name) => tabs.includes(name)) ?? tabs[0];
      const run = wantedRun ?? openRun;
      const newest = !run || run === "newest";
      const address = new URLSearchParams(newest ? { tab } : { run, tab });
      history.replaceState(history.state, "", `?${address}`);
      const detail = { tab, run: newest ? null : run }; // null: the newest
      document.dispatchEvent(new CustomEvent("navigate", { detail }));
      return [tab === openTab ? noUpdate() : tab, wantedRun ?? noUpdate()];
    },
  });

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
