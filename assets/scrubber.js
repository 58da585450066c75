// The epoch slider: which network the views show.
(function () {
  "use strict";

  const noUpdate = () => window.dash_clientside.no_update;

  // The epoch of a place on a curve: the first whose end comes after it.
  const epochAt = (x) => Math.min(Math.ceil(x), Number(document.getElementById("epoch-slider").max));
  window.digitlab = Object.assign(window.digitlab ?? {}, {
    seek: (x) => window.dash_clientside.set_props("epoch-slider", { value: epochAt(x) }),
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    scrubber: {
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
        // Who was at the end stays there as the run goes on. The slider may still show an earlier
        // end than Dash knows.
        const atEnd = beyond(value, Math.min(Number(before), Number(slider.max))) && !left;
        const place = Number(left ? slider.value : value);
        const epoch = kept.findLast((one) => one <= place) ?? kept[0];
        const [run, revision] = (newest ?? "").split("/");
        const version = atEnd || !newest ? newest : `${run}/${revision}/e${epoch}`;
        const words = atEnd ? "newest" : `${epoch} of ${last}`;
        const told = outputs_list[3].map(({ id }) => (id.view === tab ? version : noUpdate()));
        const moved = atEnd && place !== last ? { value: String(last) } : {};
        if (!networksChanged) {
          if (atEnd && place < last) window.dash_clientside.set_props("epoch-slider", moved);
          return [version, words, noUpdate(), told];
        }
        window.dash_clientside.set_props("epoch-slider", { max: last, ...moved });
        return [version, words, kept.length > 1 ? {} : { display: "none" }, told];
      },

      // The scrubber's play button, and each tick of its clock: stopped, label, epoch.
      play: (clicks, ticks, stopped, value, last) => {
        const pressed = window.dash_clientside.callback_context.triggered_id === "epoch-play";
        const [epoch, end] = [Number(value), Number(last)];
        if (pressed && !stopped) return [true, "▶", noUpdate()];
        if (pressed) return [false, "⏸", epoch >= end ? 0 : epoch];
        if (window.live.waits()) return [false, "⏸", noUpdate()]; // no faster than the views follow
        if (epoch + 1 >= end) return [true, "▶", end];
        return [false, "⏸", epoch + 1];
      },

      // A click on a drawing's course.
      goTo: (click) => {
        const x = click?.points?.[0]?.x;
        return x === undefined ? noUpdate() : epochAt(x);
      },
    },
  });
})();
