// The form of settings: a preset fills it at once, and a changed field makes it one's own, or
// another preset. An answer of the server could overwrite what one types next.
(function () {
  "use strict";

  // Whether a field has a preset's value: of decimal numbers, also in another spelling, such as
  // 1e-3 or 0,001.
  const same = (value, wanted) =>
    typeof wanted === "number"
      ? /\S/.test(value) && Number(value.replace(",", ".")) === wanted
      : value === wanted;

  const { addCallbacks, noUpdate, setProps } = window.digitlab;

  addCallbacks("form", {
    // The settings of a preset are in the order of the fields, null where it leaves them open;
    // one's own have none.
    fillPreset: (preset, presets, ...values) => {
      const { settings } = presets[preset];
      return values.map((value, index) => {
        const wanted = settings?.[index] ?? value;
        if (same(value, wanted)) return noUpdate();
        return typeof wanted === "number" ? String(wanted) : wanted;
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
