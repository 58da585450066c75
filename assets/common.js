// What the other scripts share. This file comes first in the bundle (dashboard/server/bundle.py).
(function () {
  "use strict";

  const REFUSED =
    "Something between this page and Digit Lab, such as a proxy, refuses what the page asks for. " +
    "Look at its settings and its log.";

  const SIGNED_OUT = "You are signed out. Perhaps Digit Lab was started again, with another token.";

  const BETWEEN_SAVES_MS = 200;

  let prefix = null;
  let lastSave = Promise.resolve();

  const digitlab = {
    // The URL of a path of the server, as /api/runs, under the path at which the page is served.
    url: (path) => {
      prefix ??= JSON.parse(document.getElementById("_dash-config").textContent)
        .requests_pathname_prefix.slice(0, -1);
      return prefix + path;
    },

    element: (id) => document.getElementById(id),

    noUpdate: () => window.dash_clientside.no_update,
    setProps: (...change) => window.dash_clientside.set_props(...change),

    // Says something in a bar above the page's end: sentences by their kind (assets/live/text.js), empty
    // ones for what is over.
    notify: (detail) => document.dispatchEvent(new CustomEvent("notices", { detail })),

    // Whether a component is on the page. Dash 4.4.1 throws where it is not.
    exists: (id) => {
      try {
        return Boolean(window.dash_component_api.getLayout(id));
      } catch {
        return false;
      }
    },

    // Adds functions that clientside callbacks find under a namespace.
    addCallbacks: (namespace, functions) => {
      window.dash_clientside = { ...window.dash_clientside, [namespace]: functions };
    },

    // What to ask the server for, unless it is the same as before.
    ifChanged: (next, previous) =>
      JSON.stringify(next) === JSON.stringify(previous) ? digitlab.noUpdate() : next,

    // Asks the server to do something, and returns its answer. Throws a sentence for whoever pressed a
    // button; `failed`, the beginning of one, says what was not done.
    ask: async (method, path, body, failed = "") => {
      let answer, value;
      try {
        const content = body instanceof Blob ? body : JSON.stringify(body);
        answer = await fetch(digitlab.url(path), { method, body: content });
        value = answer.status === 204 ? null : await answer.json();
      } catch {
        throw digitlab.NO_ANSWER;
      }
      if (answer.ok) return value;
      const { titles } = digitlab.settings;
      const fields = Object.entries(value.fields ?? {});
      const wrong = fields.map(([name, sentence]) => `${titles()[name] ?? name}: ${sentence}`);
      throw value.error ? failed + (wrong.join(" ") || value.error) : digitlab.NO_ANSWER;
    },

    // What the buttons with a selector do. A button looks busy until that is done; what `act` throws,
    // a sentence, goes to `refuse`.
    onPress: (selector, act, refuse) => {
      document.addEventListener("click", async ({ target }) => {
        const button = target.closest(selector);
        if (!button) return;
        button.setAttribute("aria-busy", "true");
        try {
          await act(button);
        } catch (sentence) {
          refuse(sentence);
        }
        button.removeAttribute("aria-busy");
      });
    },

    NO_ANSWER:
      "Digit Lab did not answer, so nothing is certain. Look at the window where it was started, " +
      "and try again.",

    // The bytes of a text in base64.
    bytesOf: (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),

    // Numbers as text, as dashboard/formatting.py writes them.
    percent: (share, decimals = 2) => `${(100 * share).toFixed(decimals)}\u202f%`,
    probability: (share) => (share < 0.0005 ? "–" : digitlab.percent(share, 1)),
    duration: (seconds) => {
      const tenths = Number(seconds.toFixed(1));
      if (tenths > 0 && tenths < 10) return `${tenths.toFixed(1)} s`;
      const whole = Math.round(seconds);
      if (whole < 60) return `${whole} s`;
      const minutes = Math.floor(whole / 60);
      if (minutes < 60) return `${minutes} min ${whole % 60} s`;
      return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    },

    // How far each arrow key goes, to the right and down.
    ARROWS: { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] },

    // A new element with properties and children.
    make: (tag, properties = {}, ...children) => {
      const element = Object.assign(document.createElement(tag), properties);
      element.append(...children);
      return element;
    },

    // Shows ten probabilities in the bars of a part, those of some digits marked.
    showBars: (part, probabilities, marked) => {
      part.querySelectorAll(".bar").forEach((bar, digit) => {
        bar.style.setProperty("--share", `${(100 * probabilities[digit]).toFixed(1)}%`);
        bar.textContent = digitlab.probability(probabilities[digit]);
        bar.classList.toggle("best", marked.includes(digit));
      });
    },

    // Lets people choose a file with a click on a button, and calls `open` with it.
    onFileChosen: (button, open) => {
      const input = digitlab.make("input", { type: "file", hidden: true });
      input.addEventListener("change", async () => {
        if (input.files.length) await open(input.files[0]);
        input.value = ""; // the same file may be chosen again
      });
      document.addEventListener("click", (event) => {
        if (!event.target.closest(button)) return;
        document.body.append(input); // some browsers forget one that is nowhere in the page
        input.click();
      });
    },

    // Calls `save`, which starts a download, when it is its turn: of two that begin within 50 ms,
    // WebKit keeps one.
    saveInTurn: (save) => {
      const turn = lastSave.then(save);
      const pause = () => new Promise((done) => setTimeout(done, BETWEEN_SAVES_MS));
      lastSave = turn.then(pause, pause);
      return turn;
    },
  };
  window.digitlab = digitlab;

  // What the server refuses: everything without a token that counts (401), or a request with a
  // sentence (403), until it answers at that path again, or to another writing request: their paths
  // are many. Dash passes over both without a word.
  let refused = null;
  const fetchAnswer = window.fetch;
  window.fetch = async (...request) => {
    const answer = await fetchAnswer(...request);
    const path = new URL(answer.url || location.href).pathname;
    const kind = (request[1]?.method ?? "GET") === "GET" ? path : "writing";
    const notices = { signedOut: answer.status === 401 ? SIGNED_OUT : "" };
    if (answer.status === 403) {
      refused = kind;
      notices.refusal = await readRefusal(answer.clone());
    } else if (kind === refused) notices.refusal = "";
    digitlab.notify(notices);
    return answer;
  };

  async function readRefusal(answer) {
    try {
      const { error } = await answer.json();
      if (error) return error;
    } catch {
      // Not from Digit Lab: a proxy has refused it.
    }
    return REFUSED;
  }
})();
