// The form of settings: a preset fills it at once, and a changed field makes it one's own, or
// another preset. An answer of the server could overwrite what one types next.
(function () {
  "use strict";

  // As numbers where both are: 1e-3 is 0.001.
  const isText = (value) => typeof value === "string" && value.trim() !== "";
  const same = (one, other) => one === other || (isText(one) && Number(one) === Number(other));

  const { addCallbacks, noUpdate, setProps } = window.digitlab;

  addCallbacks("form", {
    // The settings of a preset are in the order of the fields, null where it leaves them open;
    // one's own have none.
    fillPreset: (preset, presets, ...values) => {
      const { settings } = presets[preset];
      return values.map((value, index) => {
        const wanted = settings?.[index] ?? value;
        return same(value, wanted) ? noUpdate() : wanted;
      });
    },

    // Names the preset that the fields make.
    matchPreset: (preset, ...values) => {
      const presets = values.pop();
      const fits = (wanted, index) => wanted === null || same(values[index], wanted);
      const [name, { purpose }] = Object.entries(presets).find(
        ([, { settings }]) => !settings || settings.every(fits),
      );
      document.getElementById("preset-purpose").textContent = purpose;
      if (name !== preset) setProps("preset", { value: name });
      return noUpdate();
    },

    // Shows below each field what is wrong with it.
    showErrors: (errors) => {
      for (const element of document.querySelectorAll(".field-error")) {
        const sentence = errors?.[element.dataset.field] ?? "";
        element.textContent = sentence;
        const field = element.parentElement.querySelector("input, select");
        field.setAttribute("aria-invalid", String(Boolean(sentence)));
      }
      return noUpdate();
    },
  });
})();
