// The Mistakes tab: which images to ask the server for, and the confusion matrix.
(function () {
  "use strict";

  const { addCallbacks, element, imageGrid, noUpdate, setProps } = window.digitlab;

  const RIGHT = ["0", "1", "2"]; // categories without an image that is wrong at the end
  const ALL = { wrong: true, true: null, predicted: null };

  let choice = ALL;
  let page = 1;
  let lists = {}; // category and order as chosen there, and the version of the network

  const grid = imageGrid("mistakes", ({ predicted }) => predicted, () => choose(ALL), "ink");

  // Asks for the images of a choice, of any category, from the first page on.
  function choose(next) {
    choice = next;
    page = 1;
    paintChoice();
    if (lists.category !== "any") setProps("mistakes-category", { value: "any" });
    else ask();
  }

  function nextRequest() {
    const category = lists.category === "any" ? null : Number(lists.category);
    return grid.ask({ ...lists, ...choice, category, page });
  }

  // What somebody presses is asked again, too: the answer before may have been lost.
  function ask() {
    grid.asked = null;
    setProps("mistakes-request", { data: nextRequest() });
  }

  // Frames the chosen cell, row or column, and names it in the list.
  function paintChoice() {
    const text = (digit) => (digit === null ? "" : String(digit));
    const isChosen = choice.true !== null || choice.predicted !== null;
    for (const button of document.querySelectorAll(".cm button")) {
      const { true: truth, predicted } = button.dataset;
      const same = truth === text(choice.true) && predicted === text(choice.predicted);
      button.setAttribute("aria-pressed", String(isChosen && same));
    }
    const list = element("mistakes-show");
    const option = list.querySelector("[value=chosen]");
    option.hidden = !isChosen;
    if (isChosen) option.textContent = nameOf(choice);
    list.value = isChosen ? "chosen" : choice.wrong ? "wrong" : "all";
  }

  function nameOf({ true: truth, predicted }) {
    if (truth === null) return `Misread as ${predicted}`;
    if (predicted === null) return `Misread ${truth}s`;
    return `A ${truth} read as ${predicted}`;
  }

  document.addEventListener("change", ({ target }) => {
    if (target.id === "mistakes-show") choose({ ...ALL, wrong: target.value === "wrong" });
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest(".cm button");
    if (button) {
      const [truth, predicted] = [button.dataset.true, button.dataset.predicted].map((digit) =>
        digit === "" ? null : Number(digit),
      );
      choose({ true: truth, predicted, wrong: truth !== predicted });
    }
    const turn = target.closest(".turn-page");
    if (turn) {
      page += Number(turn.dataset.pages);
      ask();
    }
  });

  // The empty matrix and the empty table of scores: 340 components of Dash would slow all others.
  // Rows: true digit. Columns: what the network reads. Margins: recall and precision.
  document.addEventListener("built", ({ detail }) => {
    if (detail !== "panel-mistakes") return;
    const digits = [...Array(10).keys()];
    const each = (html) => digits.map(html).join("");
    const button = (truth, predicted, more) =>
      `<button data-true="${truth}" data-predicted="${predicted}" aria-pressed="false" ${more}</button>`;
    const heading = (digit, what, truth, predicted) =>
      button(truth, predicted, `tabindex="-1" title="${what}">${digit}`);
    const cell = (truth, predicted) => {
      const kind = truth === predicted ? "right" : "";
      const label = `a ${truth} read as ${predicted}`;
      const place = truth || predicted ? -1 : 0; // arrow keys go to the others
      return button(truth, predicted, `class="${kind}" tabindex="${place}" aria-label="${label}">`);
    };
    const columns = each(
      (digit) => `<th scope="col">${heading(digit, `All read as ${digit}`, "", digit)}</th>`,
    );
    const rows = each(
      (truth) =>
        `<tr><th scope="row">${heading(truth, `All true ${truth}s`, truth, "")}</th>` +
        `${each((predicted) => `<td>${cell(truth, predicted)}</td>`)}` +
        `<td class="margin found"></td></tr>`,
    );
    const margins = each(() => `<td class="margin correct"></td>`);
    document.querySelector(".cm").innerHTML =
      `<thead><tr><td></td>${columns}<th scope="col" class="margin">found</th></tr></thead>` +
      `<tbody>${rows}</tbody>` +
      `<tfoot><tr><td></td>${margins}<td class="margin">correct, %</td></tr></tfoot>`;

    const names = ["digit", "images", "precision", "recall", "F1"];
    const scores = each((digit) => `<tr><th scope="row">${digit}</th>${"<td>–</td>".repeat(4)}</tr>`);
    document.querySelector(".class-table").innerHTML =
      `<thead><tr>${names.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>` +
      `<tbody>${scores}</tbody>`;
  });

  function paintMatrix({ counts, washes, worst, scores }) {
    const table = document.querySelector(".cm");
    for (const button of table.querySelectorAll("td button")) {
      const { true: truth, predicted } = button.dataset;
      const count = counts[truth][predicted].toLocaleString("en");
      button.textContent = count === "0" ? "" : count;
      button.style.setProperty("--wash", washes[truth][predicted]);
      button.classList.toggle("some", washes[truth][predicted] > 0);
      button.setAttribute("aria-label", `${count} times a ${truth} read as ${predicted}`);
    }
    [".found", ".correct"].forEach((name, margin) => {
      table.querySelectorAll(name).forEach((cell, digit) => {
        const [, precision, recall] = scores[digit];
        cell.textContent = margin ? precision.replace(/\s*%/, "") : recall;
        cell.classList.toggle("worst", digit === worst[margin]);
      });
    });
    document.querySelectorAll(".class-table tbody tr").forEach((row, digit) => {
      [...row.children].slice(1).forEach((cell, place) => (cell.textContent = scores[digit][place]));
    });
  }

  addCallbacks("mistakes", {
    // Which mistakes to ask for; none while the tab is out of sight.
    request: (category, order, version, tab) => {
      if (tab !== "mistakes") return noUpdate();
      if (category !== lists.category) {
        page = 1;
        if (RIGHT.includes(category)) choice = { ...choice, wrong: false };
      }
      if (order !== lists.order) page = 1;
      lists = { category, order, version };
      paintChoice();
      return nextRequest() ?? noUpdate();
    },

    show: (shown) => {
      if (!shown) return;
      grid.show(shown);
      const { matrix, margins, categories, pages } = shown;
      if (matrix) paintMatrix(matrix);
      document.querySelector(".margins").toggleAttribute("data-known", Boolean(margins));
      for (const [name, sentence] of Object.entries(margins ?? {})) {
        document.querySelector(`[data-margin=${name}]`).textContent = sentence;
      }
      for (const [name, count] of Object.entries(categories ?? {})) {
        document.querySelector(`[data-category="${name}"]`).textContent = count;
      }
      page = shown.page ?? 1;
      element("mistakes-range").textContent = shown.range ?? "";
      for (const turn of document.querySelectorAll(".turn-page")) {
        const next = page + Number(turn.dataset.pages);
        turn.disabled = !pages || next < 1 || next > pages;
      }
    },
  });
})();
