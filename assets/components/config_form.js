// The settings of the next run, in the store `next-settings`: a preset fills it at once, and a changed
// field makes them one's own, or another preset. An answer of the server could overwrite what
// somebody types next. The fields are there once the drawer was opened.
(function () {
  "use strict";

  const { addCallbacks, noUpdate, setProps } = window.digitlab;

  const CUSTOM = "custom";
  const KEPT = "next-settings"; // sessionStorage: they outlast a reload

  let known = null; // the presets, the first settings, what choices are called, models' weights
  let settings = null; // by name, as they are typed
  let inFields = null; // the same as the fields have them, once there are any
  let base = null; // the preset that they made last, or that they are most alike
  let chosen = null; // the name of the preset that they make
  let errors = {}; // a sentence for each field that is wrong

  // What somebody typed for a setting: a number or a truth value where core/numbers.py reads one, too.
  const GROUPED = /^[+-]?[1-9]\d{0,2}([,. '’\u00a0\u2009\u202f])\d{3}(\1\d{3})*$/;
  const DECIMAL = /^[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?$/i;
  // The ten digits of each script follow one another, from its zero on.
  const asciiDigit = (digit) => {
    let zero = digit.codePointAt(0);
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
    return (digit.codePointAt(0) - zero) % 10;
  };
  const READ = {
    int: (text) => {
      const digits = GROUPED.test(text) ? text.replace(/[^\d+-]/g, "") : text;
      return /^[+-]?\d+$/.test(digits) ? Number(digits) : undefined;
    },
    float: (text) => (DECIMAL.test(text) ? Number(text.replace(",", ".")) : undefined),
    bool: (text) => ({ true: true, false: false })[text.toLowerCase()],
  };
  const read = (name, value) =>
    READ[known.kinds[name]]?.(
      String(value).trim().replaceAll("−", "-").replaceAll(/\p{Nd}/gu, asciiDigit),
    ) ?? value;

  const same = (name, value, wanted) => read(name, value) === wanted;

  const plural = (count, noun) => `${count} ${noun}${String(count) === "1" ? "" : "s"}`;

  // What a closed group tells of its fields.
  const SUMMARIES = {
    Data: ({ dataset, train_images }, name) =>
      `${name(dataset === "auto" ? "mnist" : dataset)}, ` +
      (Number(train_images) === 0 ? "all images" : `${train_images} images`),
    Model: ({ model }, name, weights) =>
      `${name(model)}, ${weights[model].toLocaleString("en")} weights`,
    Optimisation: ({ epochs, learning_rate, batch_size }) =>
      `${plural(epochs, "epoch")}, rate ${learning_rate}, batches of ${batch_size}`,
    Schedule: ({ schedule, warmup }) => {
      if (schedule === "constant") return "constant";
      const percent = Math.round(100 * warmup.replace(",", "."));
      return Number.isNaN(percent) ? "one cycle" : `one cycle, up for the first ${percent}\u202f%`;
    },
    Augmentation: ({ augmentation }, name) =>
      augmentation === "none" ? "off" : name(augmentation).toLowerCase(),
    Run: ({ seed, precision, evaluations_per_epoch }, name) =>
      `seed ${seed}, ${name(precision).toLowerCase()} precision, ` +
      `${plural(evaluations_per_epoch, "test")} per epoch`,
  };

  const fieldOf = (name) => document.getElementById(`field-${name.replaceAll("_", "-")}`);
  const write = (id, text) => (document.getElementById(id).textContent = text);

  function change(next) {
    if (JSON.stringify(next) !== JSON.stringify(settings)) setProps("next-settings", { data: next });
  }

  const asText = (value) => (typeof value === "number" ? String(value) : value);

  // The names of the settings for which a preset or a run has others. It may lack some.
  const changesIn = (config) =>
    Object.keys(settings).filter((name) => name in config && !same(name, settings[name], config[name]));
  const changesOf = (preset) => changesIn(known.presets[preset].settings);

  // The settings of a preset or a run. What it lacks stays, and so does another spelling of a number.
  function filled(config) {
    const texts = changesIn(config).map((name) => [name, asText(config[name])]);
    return { ...settings, ...Object.fromEntries(texts) };
  }

  // A setting as it was before a reload. Of a choice that this version does not know, the first one.
  function keptOr(first, name) {
    let kept;
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT))?.[name];
    } catch {
      return first; // somebody else has written there
    }
    const isChoice = first in known.titles;
    return typeof kept !== typeof first || (isChoice && !(kept in known.titles)) ? first : kept;
  }

  function namePreset() {
    const names = Object.keys(known.presets);
    const fewer = (one, other) => (changesOf(other).length < changesOf(one).length ? other : one);
    chosen = names.find((name) => !changesOf(name).length) ?? CUSTOM;
    base = chosen === CUSTOM ? (base ?? names.reduce(fewer)) : chosen;
    setProps("preset", { value: chosen });
  }

  // The settings as the button beside the presets tells them.
  function showSummary() {
    const { model, epochs, learning_rate } = settings;
    write("settings-name", chosen === CUSTOM ? "Your own settings" : "Settings");
    write(
      "settings-summary",
      `${nameOf(model)}, ${plural(epochs, "epoch")}, rate ${learning_rate}`,
    );
  }

  const nameOf = (choice) => known.titles[choice].split(" (")[0];

  // Which preset the fields make, and which differ from it; what closed groups tell.
  function showInDrawer() {
    const changed = changesOf(base);
    const { title, purpose } = known.presets[base];
    const own = `Your own: ${title} with ${plural(changed.length, "setting")} changed.`;
    write("preset-head", chosen === CUSTOM ? own : `${title}. ${purpose}`);
    document.getElementById("undo-settings").hidden = chosen !== CUSTOM;
    for (const element of document.querySelectorAll("[data-group]")) {
      element.textContent = SUMMARIES[element.dataset.group](settings, nameOf, known.weights);
    }
    for (const name of Object.keys(settings)) {
      fieldOf(name).closest(".field").classList.toggle("changed", changed.includes(name));
      if (inFields[name] !== settings[name]) setProps(fieldOf(name).id, { value: settings[name] });
    }
    inFields = settings;
  }

  // Shows below each field what is wrong with it, and opens its group.
  function showErrors() {
    for (const element of document.querySelectorAll(".field-error")) {
      const sentence = errors[element.dataset.field] ?? "";
      element.textContent = sentence;
      fieldOf(element.dataset.field).setAttribute("aria-invalid", String(Boolean(sentence)));
      if (sentence) element.closest("details").open = true;
    }
  }

  document.addEventListener("built", ({ detail }) => {
    if (detail !== "settings-body") return;
    inFields = {};
    showInDrawer();
    showErrors();
  });

  addCallbacks("form", {
    fillPreset: (preset) => (preset === chosen ? noUpdate() : filled(known.presets[preset].settings)),

    // There are settings, or the page has just been drawn.
    show: (next, knowledge) => {
      known = knowledge;
      if (!next) {
        const kept = ([name, first]) => [name, keptOr(asText(first), name)];
        change(Object.fromEntries(Object.entries(known.first).map(kept)));
        return noUpdate();
      }
      settings = next;
      sessionStorage.setItem(KEPT, JSON.stringify(settings));
      namePreset();
      showSummary();
      if (inFields) showInDrawer();
      const detail = { settings, ...known };
      document.dispatchEvent(new CustomEvent("settings", { detail }));
      return noUpdate();
    },

    readFields: (...values) => {
      const names = Object.keys(known.first);
      inFields = Object.fromEntries(names.map((name, index) => [name, values[index]]));
      change(inFields);
      return noUpdate();
    },

    showErrors: (found) => {
      errors = found;
      showErrors();
      return noUpdate();
    },
  });

  document.addEventListener("click", ({ target }) => {
    if (target.id !== "undo-settings") return;
    setProps("preset", { value: base });
    document.getElementById("find-setting").focus(); // the button goes away
  });

  // Shows the fields with these words in their name or help, and opens their groups.
  document.addEventListener("input", ({ target }) => {
    if (!target.matches("#settings .find")) return;
    const words = target.value.trim().toLowerCase();
    let found = 0;
    for (const group of document.querySelectorAll("#settings .group")) {
      let inGroup = 0;
      for (const field of group.querySelectorAll(".field")) {
        field.hidden = !field.textContent.toLowerCase().includes(words);
        inGroup += !field.hidden;
      }
      group.hidden = !inGroup;
      if (words && inGroup) group.open = true;
      found += inGroup;
    }
    document.getElementById("found-none").hidden = found > 0;
  });

  window.digitlab.settings = {
    same,
    titles: () => known.titles,
    kinds: () => known.kinds,

    // Settings as they are typed, as REST takes them.
    typed: (texts) =>
      Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, read(name, text)])),

    // Fills the form with the settings of a run.
    use: (config) => change(filled(config)),
  };
})();
