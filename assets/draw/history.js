// How the answer to a drawing came about, epoch by epoch: what to ask the server for and when, and
// the table that shows it. Its columns are buttons that move the epoch slider.
(function () {
  "use strict";

  const { addCallbacks, ifChanged, make, noUpdate, probability, setProps } = window.digitlab;

  const REST_MS = 400; // a drawing that has not changed for so long is sent
  const LABELS = 12; // of columns, at most, beside that of the one that is shown

  let resting = null;
  document.addEventListener("drawing", () => {
    clearTimeout(resting);
    resting = setTimeout(() => setProps("draw-rested", { data: Date.now() }), REST_MS);
  });

  // The probabilities as a table: a row for each digit, a column for each epoch, named at its foot.
  function tableOf({ names, probabilities }, shown) {
    const every = Math.ceil(names.length / LABELS);
    const best = probabilities[shown].indexOf(Math.max(...probabilities[shown]));
    const cell = (digit) => (chances, column) => {
      const text = probability(chances[digit]);
      const td = make("td", { textContent: text, title: `after epoch ${names[column]}: ${text} for ${digit}` });
      td.style.setProperty("--share", chances[digit]);
      td.classList.toggle("now", column === shown && digit === best);
      return td;
    };
    const rows = Array.from({ length: 10 }, (_, digit) =>
      make("tr", {}, make("th", { scope: "row", textContent: digit }), ...probabilities.map(cell(digit))),
    );
    const heads = names.map((name, column) => {
      const isShown = column === shown;
      const button = make("button", { ariaLabel: `Epoch ${name}`, title: `Show the network after epoch ${name}` });
      if (isShown || column % every === 0) button.textContent = name;
      button.dataset.column = column;
      button.tabIndex = isShown ? 0 : -1;
      if (isShown) button.setAttribute("aria-current", "true");
      return make("th", { scope: "col" }, button);
    });
    const caption = make("caption", { className: "sr-only", textContent: "Probability of each digit after each epoch" });
    const head = make("thead", {}, make("tr", {}, make("td"), ...heads));
    const columns = make("colgroup", {}, make("col", {}));
    const table = make("table", { className: "strip-h" }, caption, columns, head, make("tbody", {}, ...rows));
    table.style.setProperty("--columns", names.length);
    return table;
  }

  const buttons = () => [...document.querySelectorAll(".strip-h button")];
  let epochs = [];

  document.addEventListener("click", ({ target }) => {
    const epoch = epochs[target.closest(".strip-h :is(th, td)")?.cellIndex - 1];
    if (epoch !== undefined) window.digitlab.slider.seek(epoch);
  });

  addCallbacks("drawHistory", {
    // Which history to ask for; none while the tab is out of sight. `last` is the newest epoch.
    request: (version, form, rested, last, tab, previous) => {
      if (tab !== "draw") return noUpdate();
      const drawing = window.digitlab.drawing.current();
      return ifChanged({ drawing, as_drawn: form === "drawn", version, last }, previous);
    },

    show: (history) => {
      const strip = document.getElementById("course-strip");
      const focused = strip.contains(document.activeElement) && document.activeElement.dataset.column;
      epochs = history?.epochs ?? [];
      const place = epochs.indexOf(history?.shown);
      const shown = place < 0 ? epochs.length - 1 : place;
      strip.replaceChildren(...(history ? [tableOf(history, shown)] : []));
      if (focused) buttons()[Math.min(focused, epochs.length - 1)]?.focus();
      return noUpdate();
    },
  });
})();
