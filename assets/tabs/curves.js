// The Curves tab: the table of epochs, the scores of the visitor's own drawings, and the controls.
(function () {
  "use strict";

  const { ask, duration, element, percent, url } = window.digitlab;
  const { curves } = window.live;

  const ROWS = 200;
  const NO_ROWS = "A row appears here after each epoch.";

  // The table: a row for each evaluation, the newest first.

  let run = null;
  let rows = []; // of the newest evaluations
  let count = 0; // of all evaluations
  let marked = null; // the epoch of the network that the views show, unless it is the newest

  // A position within an epoch never reads as the beginning or the end of one: 3.001 is 3.01.
  function epochNumber(progress) {
    const whole = Math.floor(progress);
    const within = progress - whole;
    if (!within) return String(whole);
    return String(Number((whole + Math.min(Math.max(within, 0.01), 0.99)).toFixed(2)));
  }

  const cells = (event) => [
    epochNumber(event.progress),
    event.train_loss.toFixed(4),
    percent(event.train_accuracy),
    event.test_loss.toFixed(4),
    percent(event.test_accuracy),
    Math.round(event.images_per_second).toLocaleString("en"),
    duration(event.seconds),
  ];

  function updateTable({ shown, from, events = [] }) {
    if (from === 0 || shown !== run) [run, rows, count] = [shown, [], 0];
    updateLink();
    const evaluations = events.filter(({ kind }) => kind === "epoch");
    count += evaluations.length;
    rows = [...evaluations.reverse(), ...rows].slice(0, ROWS);
    if (evaluations.length || !count) drawTable();
  }

  function drawTable() {
    const body = element("curves-table");
    if (!body) return; // not opened yet
    body.replaceChildren();
    for (const event of rows) {
      const row = body.insertRow();
      row.classList.toggle("shown", event.progress === marked);
      for (const text of cells(event)) row.insertCell().textContent = text;
    }
    element("curves-table-note").textContent = !count
      ? NO_ROWS
      : count > ROWS
        ? `The last ${ROWS} of ${count} rows; the CSV file has them all.`
        : "";
  }

  function updateLink() {
    const link = element("curves-csv");
    if (!link) return; // not opened yet
    link.classList.toggle("disabled", !run);
    if (run) link.href = url(`/api/runs/${run}/metrics.csv`);
    else link.removeAttribute("href");
  }

  // The visitor's own drawings, read by the networks of the run that is followed.

  let tab = null;
  let network = null;
  let questions = 0; // only the answer to the last one counts
  let keepsNone = false; // then there is nothing to ask after each epoch

  async function fetchScores() {
    const newest = network?.newest?.split("/")[0];
    if (tab !== "curves" || !newest || keepsNone) return;
    const question = ++questions;
    const scores = await ask("GET", `/api/handwriting/scores/${newest}`).catch(() => null);
    if (!scores || question !== questions) return;
    keepsNone = network.kept.length > 0 && scores.fresh.length + scores.taught.length === 0;
    curves.setOwnScores(scores);
  }

  document.addEventListener("epochMarked", ({ detail }) => {
    marked = detail;
    drawTable();
  });
  document.addEventListener("built", ({ detail }) => {
    if (detail !== "panel-curves") return;
    drawTable();
    updateLink();
    setStyle();
  });
  window.live.listen((message) => {
    updateTable(message);
    if (!message.network) return;
    network = message.network;
    fetchScores();
  });
  document.addEventListener("navigate", ({ detail }) => {
    tab = detail.tab;
    keepsNone = false;
    fetchScores();
  });

  function setStyle() {
    const field = (name) => element(`curves-${name}`);
    curves.setStyle({
      smoothing: Number(field("smoothing").value),
      log: field("log").checked,
      rate: field("rate").checked,
      seconds: field("across").querySelector(":checked").value === "seconds",
    });
  }

  document.addEventListener("input", ({ target }) => target.closest("#panel-curves .tools") && setStyle());
  document.addEventListener("click", ({ target }) => {
    const picture = target.closest("#curves-png, #curves-svg");
    if (picture) curves.download(picture.id.slice(-3));
  });
})();
