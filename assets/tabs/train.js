// The form of settings: a preset fills it at once, and a changed field makes it one's own, or another
// preset. Here and not on the server, whose answer could come after the next thing that one types.
// Knows no setting by name.
(function () {
  "use strict";

  // As numbers where both are: 1e-3 is 0.001.
  const same = (one, other) =>
    one === other || (typeof one === "string" && one.trim() !== "" && Number(one) === Number(other));

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    form: {
      // The settings of a preset are in the order of the fields, null where it leaves them open;
      // one's own have none.
      fill: (preset, presets, ...values) => {
        const { settings } = presets[preset];
        return values.map((value, place) => {
          const wanted = settings?.[place] ?? value;
          return same(value, wanted) ? window.dash_clientside.no_update : wanted;
        });
      },

      // Names the preset that the fields make.
      recognise: (preset, ...values) => {
        const presets = values.pop();
        const [name, { purpose }] = Object.entries(presets).find(
          ([, { settings }]) =>
            !settings || settings.every((wanted, place) => wanted === null || same(values[place], wanted)),
        );
        document.getElementById("preset-purpose").textContent = purpose;
        if (name !== preset) window.dash_clientside.set_props("preset", { value: name });
        return window.dash_clientside.no_update;
      },

      // Shows below each field what is wrong with it.
      mark: (errors) => {
        for (const place of document.querySelectorAll(".field-error")) {
          const sentence = errors?.[place.dataset.field] ?? "";
          place.textContent = sentence;
          const field = place.parentElement.querySelector("input, select");
          field.setAttribute("aria-invalid", String(Boolean(sentence)));
        }
        return window.dash_clientside.no_update;
      },
    },
  });
})();
