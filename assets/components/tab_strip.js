// What the strip of tabs lacks for keyboards and screen readers: which tab is selected, a way to it
// with the Tab key, and arrow keys to the others (the ARIA Authoring Practices' pattern).
(function () {
  "use strict";

  const STEPS = { ArrowRight: 1, ArrowLeft: -1 };
  const tabs = (strip) => [...strip.querySelectorAll('[role="tab"]')];

  function updateTabs(strip) {
    for (const tab of tabs(strip)) {
      const selected = tab.classList.contains("active");
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    }
  }

  function move(event) {
    const all = tabs(event.currentTarget);
    const step = STEPS[event.key];
    const index = all.indexOf(event.target);
    if (!step || index < 0) return;
    const next = all[(index + step + all.length) % all.length];
    next.focus();
    next.click();
    event.preventDefault();
  }

  const arrival = new MutationObserver(() => {
    const strip = document.getElementById("tabs");
    if (!strip || !tabs(strip).length) return;
    arrival.disconnect();
    new MutationObserver(() => updateTabs(strip)).observe(strip, {
      subtree: true, attributeFilter: ["class"],
    });
    strip.addEventListener("keydown", move);
    updateTabs(strip);
  });
  arrival.observe(document, { childList: true, subtree: true });
})();
