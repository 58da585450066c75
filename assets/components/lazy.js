// Parts of the page that are built when somebody first opens them: tabs and dialogs. The event
// `built` tells the other scripts that one is there. dashboard/components/lazy.py has their layouts.
(function () {
  "use strict";

  const { setProps } = window.digitlab;

  const LATE_MS = 8000; // a part that takes longer says so
  const LATE = "This has not arrived. If Digit Lab runs, open it again.";

  // Resolves when a part, an element with an id, has its contents.
  window.digitlab.build = (part) => {
    if (part.firstElementChild) return Promise.resolve();
    setProps(`build-${part.id}`, { data: Date.now() });
    part.setAttribute("aria-busy", "true");
    const late = setTimeout(() => part.setAttribute("data-late", LATE), LATE_MS);
    return new Promise((resolve) => {
      const arrival = new MutationObserver(() => {
        if (!part.firstElementChild) return;
        arrival.disconnect();
        clearTimeout(late);
        part.removeAttribute("data-late");
        part.removeAttribute("aria-busy");
        document.dispatchEvent(new CustomEvent("built", { detail: part.id }));
        resolve();
      });
      arrival.observe(part, { childList: true });
    });
  };
})();
