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
      fill: (preset, ...rest) => {
        const presets = rest.pop();
        const values = rest;
        const { callback_context, no_update } = window.dash_clientside;
        const { triggered_id } = callback_context;
        const chosen = triggered_id === "preset" ? presets[preset].settings : null;
        const filled = values.map((value, place) => chosen?.[place] ?? value);
        const [name, { purpose }] = Object.entries(presets).find(
          ([, { settings }]) =>
            !settings || settings.every((wanted, place) => wanted === null || same(filled[place], wanted)),
        );
        // As the page loads, all are passed on: Dash asks nothing about what was never told.
        const tell = (value, place) => (triggered_id && value === values[place] ? no_update : value);
        return [name, purpose, ...filled.map(tell)];
      },
    },
  });
})();
