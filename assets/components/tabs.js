// The tabs: shows the one that is open, builds it when it is opened for the first time, and the
// keyboard's way through the lists of tabs (the ARIA Authoring Practices' pattern).
//
// page.js says which tab and run are open with the event `address`. When the tab is built, the event
// `navigate` tells the other scripts.
(function () {
  "use strict";

  const { build, openTab } = window.digitlab;

  const NEXT = { ArrowRight: 1, ArrowLeft: -1 };

  const lastOf = {}; // the tab of a group that was open last, by the group's tabs
  let current = null;

  const all = (selector, part = document) => [...part.querySelectorAll(selector)];
  const tabsOf = (element) => (element.dataset.tabs ?? element.dataset.tab).split(" ");

  function select(tab) {
    document.querySelector(".shell").dataset.tab = tab;
    for (const entry of all("[role=tab]")) {
      const selected = tabsOf(entry).includes(tab);
      entry.setAttribute("aria-selected", String(selected));
      entry.tabIndex = selected ? 0 : -1;
      if (selected) lastOf[entry.dataset.tabs] = tab;
    }
    for (const panel of all("[role=tabpanel]")) panel.hidden = !tabsOf(panel).includes(tab);
  }

  document.addEventListener("address", async ({ detail }) => {
    current = detail;
    select(detail.tab);
    await build(document.getElementById(`panel-${detail.tab}`));
    if (current === detail) document.dispatchEvent(new CustomEvent("navigate", { detail }));
  });

  const open = (entry) => openTab(lastOf[entry.dataset.tabs] ?? tabsOf(entry)[0]);

  const more = () => document.getElementById("more");
  function closeMore() {
    document.getElementById("tabs").classList.remove("more-open");
    more().setAttribute("aria-expanded", "false");
  }

  document.addEventListener("click", ({ target }) => {
    if (target.closest("#more")) {
      const isOpen = document.getElementById("tabs").classList.toggle("more-open");
      more().setAttribute("aria-expanded", String(isOpen));
    } else if (document.querySelector(".more-open")) closeMore();
    const entry = target.closest("[role=tab]");
    if (entry) open(entry);
  });

  document.addEventListener("keydown", (event) => {
    const entry = event.target.closest?.("[role=tab]");
    if (!entry) return;
    const entries = all("[role=tab]", entry.parentElement);
    const ends = { Home: entries[0], End: entries.at(-1) };
    const place = entries.indexOf(entry) + (NEXT[event.key] ?? 0) + entries.length;
    const next = ends[event.key] ?? (event.key in NEXT && entries[place % entries.length]);
    if (!next) return;
    event.preventDefault();
    next.focus();
    open(next);
  });
})();
