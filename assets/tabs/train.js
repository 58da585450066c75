// The Train tab: what the presets promise on this computer, the buttons, and the shown run's settings.
(function () {
  "use strict";

  const { ask, element, onPress, openTab, setProps, settings: form } = window.digitlab;

  const NEWS_MS = 5000; // so long good news stays: it lies over the way to the shown run's settings
  const CHANGE_MS = 5000; // until the page shows what a button has changed
  const MEASURING_MS = 1000;
  const BUSY = ["running", "queued", "stopping"];

  let run; // the shown run; undefined: not known yet, null: there is none
  let rate = null; // its learning rate, as it was set last
  let next = null; // the settings in the form
  let data; // what is said about the data set

  const view = () => document.querySelector(".train-view");
  const title = () => run.name || `Run ${run.number}`;

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
      document.dispatchEvent(new Event("state"));
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
    if (run) document.getElementById("run-title").textContent = title();
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
      !(name === "dataset" && value === "auto") && !form.same(name, value, run.config[name]);
    const isOffered =
      run?.state === "paused" ||
      (BUSY.includes(run?.state) && next && Object.entries(next.settings).some(differs));
    view().dataset.queue = String(isOffered);
  }

  document.addEventListener("settings", ({ detail }) => {
    const changed = JSON.stringify(detail.settings) !== JSON.stringify(next?.settings);
    next = detail;
    if (changed) say(""); // it was about the settings before
    showQueue();
    showSettings();
  });

  document.addEventListener("built", ({ detail }) => {
    if (detail !== "run-settings-body") return;
    showSettings();
    showRate();
  });

  document.addEventListener("click", ({ target }) => {
    if (target.closest("#use-settings")) {
      form.use(run.config);
      document.getElementById("run-settings").close();
    }
    if (target.closest("#draw-next")) openTab("draw");
  });

  // The buttons. Each works until the page shows what it has changed, or why not.

  async function untilShown(asked) {
    const next = new Promise((resolve) => {
      document.addEventListener("state", resolve, { once: true });
    });
    await asked;
    say("");
    await Promise.race([next, new Promise((resolve) => setTimeout(resolve, CHANGE_MS))]);
  }

  const start = (settings) => ask("POST", "/api/runs", settings, "Training did not start. ");

  async function startAndShow(settings) {
    const { run_id } = await start(settings);
    setProps("run-pick", { value: run_id });
  }

  const control = (action, done) =>
    ask("POST", `/api/runs/${run.run_id}/${action}`, undefined, `The run was not ${done}. `);

  const slower = () => {
    const { textContent: rate } = document.querySelector("[data-live=retry-rate]");
    return { ...run.config, learning_rate: Number(rate) };
  };

  const ACTIONS = {
    "train-button": () => untilShown(startAndShow(form.typed(next.settings))),
    "retry-button": () => untilShown(startAndShow(slower())),
    "pause-button": () => untilShown(control("pause", "paused")),
    "resume-button": () => untilShown(control("resume", "resumed")),
    "stop-button": () => untilShown(control("stop", "stopped")),
    "queue-button": async () => {
      await start(form.typed(next.settings));
      say("Queued. It trains when its turn comes.", "info");
    },
  };

  function say(children, color = "danger") {
    const duration = color === "info" ? NEWS_MS : null;
    const sentence = { children, color, duration, is_open: true };
    setProps("train-answer", children ? sentence : { is_open: false });
  }

  const buttons = ".train-view .press-once, [data-press]";
  onPress(buttons, ({ id, dataset }) => ACTIONS[dataset.press ?? id](), say);
  onPress("#dataset-retry", () => ask("POST", "/api/datasets/search"), say);

  const answerRate = (sentence) => (element("rate-answer").textContent = sentence);
  const setRate = async () => {
    const { value } = element("rate-input");
    const settings = form.typed({ learning_rate: value });
    await ask("POST", `/api/runs/${run.run_id}/learning-rate`, settings, "Nothing was changed. ");
    answerRate(`From now on ${title()} learns with ${value}.`);
  };
  onPress("#rate-button", setRate, answerRate);

  // What the presets promise, here and on Draw

  let asked = 0;
  let promises = null; // by preset

  async function fetchPromises() {
    const mine = ++asked;
    const told = await ask("GET", "/api/speed").catch(() => null);
    if (!told || mine !== asked) return;
    promises = told.presets;
    showPromises();
    if (told.state === "measuring") setTimeout(() => mine === asked && fetchPromises(), MEASURING_MS);
  }

  function showPromises() {
    const fill = (name, words) => {
      for (const part of document.querySelectorAll(`[data-${name}]`)) {
        part.textContent = words(promises[part.dataset[name]]);
      }
    };
    if (!promises) return;
    fill("promise", promise);
    fill("takes", ({ seconds }) => (seconds === null ? "" : `, about ${roughly(seconds)}`));
  }
  document.addEventListener("built", showPromises);

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
