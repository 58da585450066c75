// The settings of the next run: a preset fills the fields at once, and a changed field makes them
// one's own, or another preset. An answer of the server could overwrite what somebody types next.
(function () {
  "use strict";

  const { addCallbacks, noUpdate, setProps } = window.digitlab;

  const CUSTOM = "custom";

  let base = null; // the preset that the fields made last, or that they are most alike

  // Whether a field has a value: of decimal numbers, also in another spelling, such as 1e-3 or
  // 0,001.
  const same = (value, wanted) =>
    typeof wanted === "number"
      ? /\S/.test(value) && Number(String(value).replace(",", ".")) === wanted
      : value === wanted;

  const plural = (count, noun) => `${count} ${noun}${String(count) === "1" ? "" : "s"}`;

  // What a closed group tells of its fields.
  const SUMMARIES = {
    Data: ({ dataset, train_images }, name) =>
      `${name(dataset === "auto" ? "mnist" : dataset)}, ` +
      (Number(train_images) ? `${train_images} images` : "all images"),
    Model: ({ model }, name, weights) =>
      `${name(model)}, ${weights[model].toLocaleString("en")} weights`,
    Optimisation: ({ epochs, learning_rate, batch_size }) =>
      `${plural(epochs, "epoch")}, rate ${learning_rate}, batches of ${batch_size}`,
    Schedule: ({ schedule, warmup }) =>
      schedule === "constant"
        ? "constant"
        : `one cycle, up for the first ${Math.round(100 * warmup.replace(",", "."))}\u202f%`,
    Augmentation: ({ augmentation }, name) =>
      augmentation === "none" ? "off" : name(augmentation).toLowerCase(),
    Run: ({ seed, precision, evaluations_per_epoch }, name) =>
      `seed ${seed}, ${name(precision).toLowerCase()} precision, ` +
      `${plural(evaluations_per_epoch, "test")} per epoch`,
  };

  function showSummaries(settings, { titles, weights }) {
    const name = (choice) => titles[choice].split(" (")[0];
    for (const element of document.querySelectorAll("[data-group]")) {
      element.textContent = SUMMARIES[element.dataset.group](settings, name, weights);
    }
    const { model, epochs, learning_rate } = settings;
    document.getElementById("settings-summary").textContent =
      `${name(model)}, ${plural(epochs, "epoch")}, rate ${learning_rate}`;
  }

  const fieldOf = (name) => document.getElementById(`field-${name.replaceAll("_", "-")}`);

  // Names the preset; of one's own settings, those that differ from the nearest preset.
  function showPreset(preset, changed, { title, purpose }) {
    const own = preset === CUSTOM;
    const count = plural(changed.length, "setting");
    document.getElementById("preset-head").textContent = own
      ? `Your own: ${title} with ${count} changed.`
      : `${title}. ${purpose}`;
    document.getElementById("undo-settings").hidden = !own;
    document.getElementById("settings-name").textContent = own ? "Your own settings" : "Settings";
    for (const field of document.querySelectorAll(".field.changed")) {
      field.classList.remove("changed");
    }
    for (const name of changed) fieldOf(name).closest(".field").classList.add("changed");
  }

  addCallbacks("form", {
    // A preset leaves some fields open (null); one's own settings fill none.
    fillPreset: (preset, { presets }, ...values) =>
      values.map((value, index) => {
        const wanted = presets[preset]?.settings[index] ?? value;
        if (same(value, wanted)) return noUpdate();
        return typeof wanted === "number" ? String(wanted) : wanted;
      }),

    matchPreset: (preset, ...values) => {
      const known = values.pop();
      const { fields, presets } = known;
      const changesOf = (name) =>
        fields.filter((_, index) => {
          const wanted = presets[name].settings[index];
          return wanted !== null && !same(values[index], wanted);
        });
      const names = Object.keys(presets);
      const fewer = (one, other) => (changesOf(other).length < changesOf(one).length ? other : one);
      const match = names.find((name) => !changesOf(name).length) ?? CUSTOM;
      base = match === CUSTOM ? (base ?? names.reduce(fewer)) : match;
      if (match !== preset) setProps("preset", { value: match });
      const settings = Object.fromEntries(fields.map((name, index) => [name, values[index]]));
      showPreset(match, changesOf(base), presets[base]);
      showSummaries(settings, known);
      document.dispatchEvent(new CustomEvent("settings", { detail: { settings, ...known } }));
      return noUpdate();
    },

    // Shows below each field what is wrong with it, and opens its group.
    showErrors: (errors) => {
      for (const element of document.querySelectorAll(".field-error")) {
        const sentence = errors?.[element.dataset.field] ?? "";
        element.textContent = sentence;
        fieldOf(element.dataset.field).setAttribute("aria-invalid", String(Boolean(sentence)));
        if (sentence) element.closest("details").open = true;
      }
      return noUpdate();
    },
  });

  document.addEventListener("click", ({ target }) => {
    if (target.id === "undo-settings") setProps("preset", { value: base });
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
      if (words) group.open = inGroup > 0;
      found += inGroup;
    }
    document.getElementById("found-none").hidden = found > 0;
  });

  window.digitlab.settings = {
    same,

    // Fills the fields with the settings of a run.
    use: (config) => {
      for (const [name, value] of Object.entries(config)) {
        const text = typeof value === "number" ? String(value) : value;
        if (fieldOf(name)) setProps(fieldOf(name).id, { value: text });
      }
    },
  };
})();
