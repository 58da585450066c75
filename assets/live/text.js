// Texts, the state of the run and the notice in the bar above the page's end.
(function () {
  "use strict";

  const LOST = "The connection to Digit Lab is lost. Trying again…";
  const OUTDATED = "Digit Lab has a new version."; // than the page
  // The first of these that there is a sentence of is shown.
  const ORDER = ["signedOut", "refusal", "lost", "outdated", "problem", "limit", "remark"];

  let text = {};
  const notices = {};

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
  }

  document.addEventListener("built", apply);
  window.live.listen((message) => {
    text = message.text ?? text;
    apply();
    if (message.run !== undefined) {
      document.getElementById("run-state").className = `state state-${message.run?.state ?? "ready"}`;
    }
    notices.problem = message.problem ?? notices.problem;
    const { protocol } = document.querySelector(".shell").dataset;
    notices.outdated = String(message.protocol) === protocol ? "" : OUTDATED;
    updateNotice();
  });

  function updateNotice() {
    const notice = document.getElementById("notice");
    if (!notice) return;
    notices.lost = document.body.dataset.connection === "lost" ? LOST : "";
    const kind = ORDER.find((one) => notices[one]);
    const sentence = notices[kind] ?? "";
    const text = document.getElementById("notice-text");
    if (text.textContent !== sentence) text.textContent = sentence;
    const seconds = Math.round((Date.now() - window.live.heardAt()) / 1000);
    const age = kind === "lost" ? ` What you see is ${seconds} s old.` : "";
    document.getElementById("notice-age").textContent = age;
    const reload = document.getElementById("notice-reload");
    reload.hidden = !["signedOut", "outdated"].includes(kind);
    reload.textContent = kind === "signedOut" ? "Sign in" : "Reload";
    notice.hidden = !kind;
  }

  document.addEventListener("connection", () => {
    if (notices.lost) notices.remark = ""; // it was about something that did not work meanwhile
    updateNotice();
  });
  document.addEventListener("notices", ({ detail }) => {
    Object.assign(notices, detail);
    updateNotice();
  });
  setInterval(() => document.body.dataset.connection === "lost" && updateNotice(), 1000);
  document.addEventListener("click", ({ target }) => {
    if (target.id === "notice-reload") location.reload();
  });
})();
