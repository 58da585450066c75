// Keyboard shortcuts, the dialog that lists them, and projector mode: larger type and lines.
// dashboard/components/shortcuts.py has the list.
(function () {
  "use strict";

  const { element, make, setProps } = window.digitlab;

  const isOn = (name, usual) => (localStorage.getItem(name) ?? usual) === "on";
  const remember = (name, on) => localStorage.setItem(name, on ? "on" : "off");

  // A button of a view that is not in sight may be pressed, but none that the view does not offer.
  const isOffered = (button) =>
    button && !button.disabled && getComputedStyle(button).display !== "none";
  const press = (...ids) => ids.map(element).find(isOffered)?.click();
  const pressVisible = (...selectors) =>
    document.querySelector(selectors.map((one) => `.tab-panel:not([hidden]) ${one}`).join())?.click();

  function step(by) {
    const { value, max } = element("epoch-slider");
    window.digitlab.slider.seek(Math.min(Number(max), Math.max(0, Number(value) + by)));
  }

  function openTab(place) {
    document.querySelectorAll("#tabs [role=tab]")[place]?.click();
  }

  function toggleOnlyWrong() {
    const choice = (value) => document.querySelector(`#gallery-which input[value="${value}"]`);
    if (!choice("wrong")?.offsetParent) return;
    setProps("gallery-which", { value: choice("wrong").checked ? "random" : "wrong" });
  }

  const ACTIONS = {
    t: () => press("train-button"),
    p: () => press("pause-button", "resume-button"),
    s: () => press("stop-button"),
    "[": () => step(-1),
    "]": () => step(1),
    k: () => press("epoch-play"),
    l: () => window.digitlab.slider.seekNewest(),
    n: () => pressVisible("#gallery-shuffle", "#wall-shuffle"),
    w: toggleOnlyWrong,
    // assets/draw does it where the focus is in the tab, and Ctrl+Z.
    c: ({ target }) => target.closest(".draw-tab") || pressVisible("#draw-clear"),
    "?": () => window.digitlab.openDialog("shortcuts"),
  };

  // Where letters are typed, or mean something of their own.
  const TYPING = [
    "input:not([type=range], [type=checkbox], [type=radio])", "textarea", "select", "dialog[open]",
    "[contenteditable]", ".ag-root-wrapper",
  ].join();

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.defaultPrevented || !isOn("shortcuts", "on")) return;
    if (target.closest(TYPING)) return;
    if (/^[1-7]$/.test(key)) openTab(Number(key) - 1);
    else ACTIONS[key.toLowerCase()]?.(event);
  });

  function applyProjector() {
    document.documentElement.toggleAttribute("data-projector", isOn("projector", "off"));
    window.dispatchEvent(new Event("resize")); // the charts measure anew
  }

  function addSwitch(id, name, usual, apply) {
    const box = make("input", {
      type: "checkbox", role: "switch", className: "form-check-input", checked: isOn(name, usual),
    });
    box.addEventListener("change", () => {
      remember(name, box.checked);
      apply();
    });
    element(id).append(box);
  }

  document.addEventListener("built", ({ detail }) => {
    if (detail !== "shortcuts-body") return;
    addSwitch("shortcuts-on", "shortcuts", "on", () => {});
    addSwitch("projector-on", "projector", "off", applyProjector);
  });
  applyProjector();
})();
