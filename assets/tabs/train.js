// The Train tab: what the presets promise on this computer, the buttons, and the shown run's settings.
(function () {
  "use strict";

  const { addCallbacks, NO_ANSWER, noUpdate, openTab, setProps, url, watchQuestions } = window.digitlab;
  const { settings: form } = window.digitlab;

  const BEGIN_MS = 1000; // Dash has asked the server by then
  const QUIET_MS = 500; // an answer that has come is in its store by then
  const CHANGE_MS = 5000; // until the page shows what a button has changed
  const MEASURING_MS = 1000;
  const BUSY = ["running", "queued", "stopping"];

  let run; // the shown run; undefined: not known yet, null: there is none
  let rate = null; // its learning rate, as it was set last
  let next = null; // the settings in the form
  let data; // what is said about the data set

  const view = () => document.querySelector(".train-view");

  // The shown run

  window.live.listen((message) => {
    const before = run;
    if ("run" in message) run = message.run;
    if (message.from === 0 || run?.run_id !== before?.run_id) rate = null;
    for (const event of message.events ?? []) {
      if (event.kind === "rate") rate = event.learning_rate;
    }
    const isFirst = before === undefined && run !== undefined;
    if (isFirst || run?.run_id !== before?.run_id || run?.state !== before?.state) {
      release();
      showRun();
      fetchPromises();
    } else if ((message.text?.data ?? data) !== data) fetchPromises();
    data = message.text?.data ?? data;
    showRate();
  });

  function showRun() {
    const part = view();
    part.dataset.state = run?.state ?? "none";
    part.dataset.diverged = String(Boolean(run?.error?.includes("smaller learning rate")));
    part.dataset.known = String(Boolean(run && !run.brought_in));
    if (run) document.getElementById("run-title").textContent = run.name || `Run ${run.number}`;
    showQueue();
    showSettings();
  }

  function showSettings() {
    if (!run || !next) return;
    for (const element of document.querySelectorAll("[data-shown]")) {
      const value = run.config[element.dataset.shown];
      const words = typeof value === "boolean" ? (value ? "yes" : "no") : String(value ?? "–");
      element.textContent = next.titles[words] ?? words;
    }
    const weights = next.weights[run.config.model];
    document.getElementById("weight-count").textContent = weights.toLocaleString("en");
  }

  let rateShown = "";
  function showRate() {
    const value = run ? String(rate ?? run.config.learning_rate) : "";
    const key = `${run?.run_id} ${value}`;
    if (key === rateShown || !document.getElementById("rate-input")) return;
    rateShown = key;
    setProps("rate-input", { value });
  }

  // Whether the form has other settings than the run that trains. The run names the data set that
  // "automatic" stood for.
  function showQueue() {
    const differs = ([name, value]) =>
      !(name === "dataset" && value === "auto") && !form.same(value, run.config[name]);
    const isOffered =
      run?.state === "paused" ||
      (BUSY.includes(run?.state) && next && Object.entries(next.settings).some(differs));
    view().dataset.queue = String(isOffered);
  }

  document.addEventListener("settings", ({ detail }) => {
    const changed = JSON.stringify(detail.settings) !== JSON.stringify(next?.settings);
    next = detail;
    if (changed) setProps("train-answer", { is_open: false }); // it was about the settings before
    showQueue();
    showSettings();
  });

  document.addEventListener("built", ({ detail }) => {
    if (detail !== "run-settings-body") return;
    showSettings();
    showRate();
  });

  document.addEventListener("click", ({ target }) => {
    const press = target.closest("[data-press]");
    if (press) document.getElementById(press.dataset.press).click();
    if (target.closest("#use-settings")) {
      form.use(run.config);
      document.getElementById("run-settings").close();
    }
    if (target.closest("#draw-next")) openTab("draw");
  });

  // A button says at once that it works, and until the page shows what it changed, or why not.

  let pressed = null;
  let asking = false;
  let timer = null;

  function release() {
    clearTimeout(timer);
    pressed?.removeAttribute("aria-busy");
    pressed = null;
  }

  function releaseAfter(milliseconds, instead = release) {
    clearTimeout(timer);
    timer = setTimeout(instead, milliseconds);
  }

  function press(event) {
    const button = event.target.closest(".train-view .press-once");
    if (!button || button.disabled || event.detail > 1) return; // of a double click, the first
    release();
    pressed = button;
    button.setAttribute("aria-busy", "true");
    releaseAfter(BEGIN_MS, () => asking || release());
  }
  document.addEventListener("click", press, { capture: true });

  watchQuestions(
    "train-answered.data",
    (isGood) => {
      asking = false;
      releaseAfter(isGood ? QUIET_MS : 0, fail); // until Dash has stored it
    },
    () => (asking = true),
  );

  addCallbacks("train", {
    answered: (_, refused) => {
      if (refused || pressed?.id === "queue-button") release();
      else releaseAfter(CHANGE_MS);
      return noUpdate();
    },
  });

  function fail() {
    if (!pressed) return; // the page has shown meanwhile what became of it
    release();
    setProps("train-answer", { children: NO_ANSWER, color: "danger", is_open: true });
  }

  // What the presets promise

  let asked = 0;

  async function fetchPromises() {
    const mine = ++asked;
    const answer = await fetch(url("/api/speed")).catch(() => null);
    if (!answer?.ok || mine !== asked) return;
    const { state, presets } = await answer.json();
    for (const element of document.querySelectorAll("[data-promise]")) {
      element.textContent = promise(presets[element.dataset.promise]);
    }
    if (state === "measuring") setTimeout(() => mine === asked && fetchPromises(), MEASURING_MS);
  }

  function promise({ accuracy, seconds }) {
    const time = seconds === null ? "" : `about ${roughly(seconds)}`;
    if (accuracy === null) return time;
    const share = `${Number((100 * accuracy).toFixed(1))}\u202f%`;
    return time ? `${share} in ${time}` : share;
  }

  function roughly(seconds) {
    if (seconds < 10) return `${Math.max(1, Math.round(seconds))} s`;
    if (seconds < 90) return `${5 * Math.round(seconds / 5)} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    return `${Math.round(seconds / 3600)} h`;
  }
})();
