// The table on the Curves tab: a row for each evaluation, the newest first.
(function () {
  "use strict";

  const ROWS = 200;
  const NO_ROWS = "A row appears here after each epoch.";

  let run = null;
  let count = 0;

  const percent = (share) => `${(100 * share).toFixed(2)}%`;

  // A place within an epoch never reads as the beginning or the end of one: 3.001 is 3.01.
  function epochNumber(progress) {
    const whole = Math.floor(progress);
    const within = progress - whole;
    if (!within) return String(whole);
    return String(Number((whole + Math.min(Math.max(within, 0.01), 0.99)).toFixed(2)));
  }

  function duration(seconds) {
    const whole = Math.round(seconds);
    if (whole < 60) return `${whole} s`;
    const minutes = Math.floor(whole / 60);
    if (minutes < 60) return `${minutes} min ${whole % 60} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
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

  window.live.listen(({ shown, from, events }) => {
    const body = document.getElementById("curves-table");
    if (from === 0 || shown !== run) {
      body.replaceChildren();
      [run, count] = [shown, 0];
    }
    for (const event of events ?? []) {
      if (event.kind !== "epoch") continue;
      const row = body.insertRow(0);
      for (const text of cells(event)) row.insertCell().textContent = text;
      count += 1;
      if (count > ROWS) body.deleteRow(-1);
    }
    document.getElementById("curves-table-note").textContent = !count
      ? NO_ROWS
      : count > ROWS
        ? `The last ${ROWS} of ${count} rows; the CSV file has them all.`
        : "";
  });
})();
