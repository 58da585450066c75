// The epoch slider's side of the page: which network the views show, and when they hear of it.
// Does not know what they ask for it.
(function () {
  "use strict";

  const noUpdate = () => window.dash_clientside.no_update;

  // Whether the tab in sight waits for an answer of the server.
  const waits = () => Boolean(document.querySelector(".tab-pane.active [data-dash-is-loading]"));

  // Hands on which networks there are once all that is in sight has been painted. Dash drops an
  // answer that is overtaken by another question: where networks come faster than answers, the
  // views would show none of them.
  const AGAIN_MS = 50;
  let known = null;
  let later = null;
  function handOn() {
    clearTimeout(later);
    if (waits()) later = setTimeout(handOn, AGAIN_MS);
    else window.dash_clientside.set_props("epoch-networks", { data: known });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    scrubber: {
      // Which networks there are now.
      networks: (told) => {
        known = told;
        handOn();
        return noUpdate();
      },

      // The network that the page shows: the newest, whose version the server tells, or that of the
      // epoch to which the slider was moved. Version, words, the slider's bar, and for each view the
      // version again, but only for the one in sight: each that hears of it takes its time, even if
      // it then does nothing.
      scrub: (networks, value, tab, before) => {
        const { newest, kept } = networks ?? { newest: null, kept: [] };
        const last = kept.at(-1) ?? 0;
        const { triggered, outputs_list } = window.dash_clientside.callback_context;
        const networksChanged = triggered.some(({ prop_id }) => prop_id.startsWith("epoch-networks"));
        // As networks come the slider itself is asked, too, and moved at once: in the moment between
        // what Dash hands over and what it does with an answer, a hand may have moved it. Where the
        // place itself is the news, the slider may not show it yet.
        const slider = document.getElementById("epoch-slider");
        const beyond = (place, end) => Number(place) >= Math.min(Number(end), last);
        const left = networksChanged && !beyond(slider.value, slider.max);
        // Who was at the end stays there as the run goes on.
        const atEnd = beyond(value, before) && !left;
        const place = Number(left ? slider.value : value);
        const epoch = kept.findLast((one) => one <= place) ?? kept[0];
        const [run, revision] = (newest ?? "").split("/");
        const version = atEnd || !newest ? newest : `${run}/${revision}/e${epoch}`;
        const words = atEnd ? "newest" : `${epoch} of ${last}`;
        const told = outputs_list[3].map(({ id }) => (id.view === tab ? version : noUpdate()));
        if (!networksChanged) return [version, words, noUpdate(), told];
        const moved = atEnd && place !== last ? { value: String(last) } : {};
        window.dash_clientside.set_props("epoch-slider", { max: last, ...moved });
        return [version, words, kept.length > 1 ? {} : { display: "none" }, told];
      },

      // The scrubber's play button, and each tick of its clock: stopped, label, epoch.
      play: (clicks, ticks, stopped, value, last) => {
        const pressed = window.dash_clientside.callback_context.triggered_id === "epoch-play";
        const [epoch, end] = [Number(value), Number(last)];
        if (pressed && !stopped) return [true, "▶", noUpdate()];
        if (pressed) return [false, "⏸", epoch >= end ? 0 : epoch];
        if (waits()) return [false, "⏸", noUpdate()]; // no faster than the views follow
        if (epoch + 1 >= end) return [true, "▶", end];
        return [false, "⏸", epoch + 1];
      },

      // A click on a curve or a course: the first epoch whose end comes after it.
      goTo: (loss, accuracy, course, last) => {
        const [trigger] = window.dash_clientside.callback_context.triggered;
        const x = trigger?.value?.points?.[0]?.x;
        return x === undefined ? noUpdate() : Math.min(Math.ceil(x), Number(last));
      },
    },
  });
})();
