// A double click is one press: a button whose second click would do it again ignores other clicks for
// a second and while it works. Nor does the second click reach another button that has come to the
// same place, as Resume to that of Pause.
(function () {
  "use strict";

  const MS = 1000;
  const MOST_SECONDS = 10; // a request may never be answered

  function ignoreSecondClick(event) {
    const button = event.target.closest?.(".press-once");
    if (!button) return;
    if (button.ariaDisabled === "true" || event.detail > 1) {
      event.stopPropagation();
      return;
    }
    button.setAttribute("aria-disabled", "true"); // unlike `disabled`, it keeps the focus
    setTimeout(release, MS, button, 1);
  }

  function release(button, seconds) {
    const works = button.matches(".working, [aria-busy=true]");
    if (works && seconds < MOST_SECONDS) setTimeout(release, MS, button, seconds + 1);
    else button.removeAttribute("aria-disabled");
  }

  // Before Dash hears of the click.
  document.addEventListener("click", ignoreSecondClick, { capture: true });
})();
