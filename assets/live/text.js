// Texts, buttons and the notice at the top of the page.
(function () {
  "use strict";

  const SIGNED_OUT = "You are signed out. Perhaps Digit Lab was started again, with another token.";

  const shown = {}; // properties of components, as they were set last
  let text = {};
  let controls = {};
  let problem = "";
  let refusal = ""; // why the server does not take what the page sends
  let limit = ""; // why the page is slower than others
  let remark = ""; // about the address
  let signedOut = false;
  let outdated = false; // the page is of an earlier version than the server

  function apply() {
    for (const element of document.querySelectorAll("[data-live]")) {
      const words = text[element.dataset.live];
      if (words !== undefined && element.textContent !== words) element.textContent = words;
    }
    // What surrounds a text is hidden while the text is empty. (`:has(:empty)` in the style sheet
    // would make Chromium look at the whole page after each change of a text.)
    for (const element of document.querySelectorAll("[data-needs]")) {
      element.toggleAttribute("data-unknown", !text[element.dataset.needs]);
    }
    for (const [id, properties] of Object.entries(controls)) {
      const json = JSON.stringify(properties);
      if (shown[id] === json || !window.digitlab.exists(id)) continue;
      shown[id] = json;
      window.digitlab.setProps(id, properties);
    }
  }

  document.addEventListener("built", apply);
  window.live.listen((message) => {
    text = message.text ?? text;
    controls = message.controls ?? controls;
    apply();
    problem = message.problem ?? problem;
    outdated = String(message.protocol) !== document.querySelector(".shell").dataset.protocol;
    updateNotice();
  });

  function updateNotice() {
    const lost = document.body.dataset.connection === "lost";
    const seconds = Math.round((Date.now() - window.live.heardAt()) / 1000);
    const sentence = signedOut
      ? SIGNED_OUT
      : refusal
      ? refusal
      : lost
      ? "The connection to Digit Lab is lost. Trying again…"
      : outdated
        ? "Digit Lab has a new version."
        : problem || limit || remark;
    const notice = document.getElementById("notice");
    const text = document.getElementById("notice-text");
    if (!notice) return;
    if (text.textContent !== sentence) text.textContent = sentence;
    document.getElementById("notice-age").textContent = lost && !refusal && !signedOut
      ? ` What you see is ${seconds} s old.`
      : "";
    const reload = document.getElementById("notice-reload");
    reload.hidden = !signedOut && (!outdated || lost || Boolean(refusal));
    reload.textContent = signedOut ? "Sign in" : "Reload";
    notice.hidden = !sentence;
  }

  document.addEventListener("connection", updateNotice);
  document.addEventListener("remark", ({ detail }) => {
    remark = detail;
    updateNotice();
  });
  document.addEventListener("signed-out", ({ detail }) => {
    signedOut = detail;
    updateNotice();
  });
  document.addEventListener("limit", ({ detail }) => {
    limit = detail;
    updateNotice();
  });
  document.addEventListener("refusal", ({ detail }) => {
    refusal = detail;
    updateNotice();
  });
  setInterval(() => document.body.dataset.connection === "lost" && updateNotice(), 1000);
  document.addEventListener("click", ({ target }) => {
    if (target.id === "notice-reload") location.reload();
  });
})();
