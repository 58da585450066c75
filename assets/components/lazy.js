// Parts of the page that are built when somebody first opens them: tabs and dialogs. The event
// `built` tells the other scripts that one is there. dashboard/components/lazy.py has their layouts.
(function () {
  "use strict";

  const { setProps } = window.digitlab;

  const AGAIN_MS = 1000;
  const LATE_MS = 8000; // a part that takes longer says so
  const LATE = "This has not arrived yet. If Digit Lab runs, it comes in a moment.";

  const building = new Map(); // the promise of each part that was asked for, by its id

  // Resolves when a part, an element with an id, has its contents.
  window.digitlab.build = (part) => {
    if (part.firstElementChild) return Promise.resolve();
    if (!building.has(part.id)) building.set(part.id, begin(part));
    return building.get(part.id);
  };

  function begin(part) {
    const ask = () => setProps(`build-${part.id}`, { data: Date.now() });
    ask();
    part.setAttribute("aria-busy", "true");
    const late = setTimeout(() => part.setAttribute("data-late", LATE), LATE_MS);
    // Dash passes over a question that failed, and over one that came before the page was ready.
    const again = setInterval(() => {
      const isInSight = part.offsetParent !== null;
      if (isInSight && !part.hasAttribute("data-dash-is-loading")) ask();
    }, AGAIN_MS);
    return new Promise((resolve) => {
      const arrival = new MutationObserver(() => {
        if (!part.firstElementChild) return;
        arrival.disconnect();
        clearTimeout(late);
        clearInterval(again);
        part.removeAttribute("data-late");
        part.removeAttribute("aria-busy");
        document.dispatchEvent(new CustomEvent("built", { detail: part.id }));
        resolve();
      });
      arrival.observe(part, { childList: true });
    });
  }
})();
