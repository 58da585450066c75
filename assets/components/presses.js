// A double click is one press: a button that starts runs, or that pauses and resumes, ignores a
// second click within a second. The server does the same (dashboard/components/presses.py). Nor does
// the second click reach another button that has come to the same place, as Resume to that of Pause.
(function () {
  "use strict";

  const MS = 1000;

  // Tells the server browsers apart that have one address, until the browser is closed.
  if (!/(^|; )visitor=/.test(document.cookie)) {
    const name = crypto.getRandomValues(new Uint32Array(4)).join("");
    document.cookie = `visitor=${name}; path=${window.digitlab.url("/")}; SameSite=Strict`;
  }

  function ignoreSecondClick(event) {
    const button = event.target.closest?.(".press-once");
    if (!button) return;
    if (button.ariaDisabled === "true" || event.detail > 1) {
      event.stopPropagation();
      return;
    }
    button.setAttribute("aria-disabled", "true"); // unlike `disabled`, it keeps the focus
    setTimeout(() => button.removeAttribute("aria-disabled"), MS);
  }

  // Before Dash hears of the click.
  document.addEventListener("click", ignoreSecondClick, { capture: true });
})();
