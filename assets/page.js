// What the tabs ask the server for, the page's address, and the colour theme.
(function () {
  "use strict";

  const POINT_MS = 40; // a pointer that passes over a map asks for nothing
  let pointing = null;

  const noUpdate = () => window.dash_clientside.no_update;

  let arrived = false;

  // The images of a choice; null without one. Places in one run's test set may mean nothing in
  // another's.
  function chosenIn(choice, version) {
    return version?.startsWith(`${choice?.run}/`) ? choice.indices : null;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    digitlab: {
      // At first the address says which tab and run to show, then it follows them.
      navigate: (search, openTab, run) => {
        const wanted = new URLSearchParams(arrived ? "" : search);
        arrived = true;
        const tabs = document.querySelector(".shell").dataset.tabs.split(" ");
        const tab = [wanted.get("tab"), openTab].find((name) => tabs.includes(name)) ?? tabs[0];
        run = wanted.get("run") ?? run;
        const newest = !run || run === "newest";
        const address = new URLSearchParams(newest ? { tab } : { run, tab });
        history.replaceState(history.state, "", `?${address}`);
        const detail = { tab, run: newest ? null : run }; // null: the newest
        document.dispatchEvent(new CustomEvent("navigate", { detail }));
        return [tab === openTab ? noUpdate() : tab, wanted.get("run") ?? noUpdate()];
      },

      // Which gallery to ask for; none while the tab is out of sight. Then what goes with a choice.
      gallery: (count, wrong, clicks, choice, version, tab, previous) => {
        const none = new Array(4).fill(noUpdate());
        if (tab !== "gallery") return none;
        const frame = document.querySelector(".gallery-mosaic");
        const width = frame ? frame.clientWidth - 26 : 800;
        const seed = clicks || 0;
        const chosen = chosenIn(choice, version);
        const next = { count: Number(count), wrong: Boolean(wrong), seed, chosen, version, width };
        if (JSON.stringify(next) === JSON.stringify(previous)) return none;
        // A choice has a way back from it, and what else says which images to show is idle.
        return [next, chosen ? "" : "d-none", Boolean(chosen), Boolean(chosen)];
      },

      forget: () => null,

      // Where in which mosaic was clicked, and what is shown now.
      pick: (click, shown, chosen) => {
        const { triggered } = window.dash_clientside.callback_context;
        if (!triggered.some(({ prop_id }) => prop_id.endsWith(".clickData"))) {
          return chosen ? { ...chosen, shown } : noUpdate();
        }
        const [point] = click?.points ?? [];
        return point && shown ? { at: [point.x, point.y], of: shown, shown } : noUpdate();
      },

      // A lasso in the embedding: what the gallery is to show; null once a double click let it go.
      // A selection without points changes nothing: Plotly tells of one when it paints another epoch.
      choose: (selected, shown) => {
        if (selected === null) return null;
        const places = (selected?.points ?? []).map(({ customdata }) => customdata);
        const indices = places.filter((place) => place !== undefined); // names of classes have none
        return indices.length && shown ? { run: shown.run, indices } : noUpdate();
      },

      // What the embedding says of the choice, and whether it shows the way to the gallery.
      sayChosen: (choice, version) => {
        const count = chosenIn(choice, version)?.length;
        if (!count) return ["", "d-none"];
        return [count === 1 ? "1 image chosen." : `${count} images chosen.`, ""];
      },

      toGallery: () => "gallery",

      // Which mistakes to ask for; none while the tab is out of sight. Another choice begins at its
      // first page.
      mistakes: (wrong, truth, predicted, course, order, page, version, tab, previous) => {
        const none = [noUpdate(), noUpdate()];
        if (tab !== "mistakes") return none;
        const inside = (frame) => (document.querySelector(frame)?.clientWidth ?? 0) - 30;
        const choice = { wrong: Boolean(wrong), true: truth, predicted, course, order };
        const same = (one) => previous && Object.keys(one).every((key) => one[key] === previous[key]);
        const next = {
          ...choice,
          page: !previous || same(choice) ? page : 1,
          version,
          width: inside(".mistakes-images .gallery-mosaic"),
          matrix: inside(".mistakes-matrix"),
        };
        return same(next) ? none : [next, next.page];
      },

      // A cell of the confusion matrix stands for its images alone, the button for all mistakes.
      // True digit, predicted digit, only wrong ones, course.
      narrow: (click, reset, course) => {
        const trigger = window.dash_clientside.callback_context.triggered_id;
        if (trigger === "mistakes-reset") return ["any", "any", true, "any"];
        if (trigger === "mistakes-course") {
          // No image that ended right is wrong: a choice of such a course asks for right ones.
          const right = ["0", "1", "2"].includes(course);
          return [noUpdate(), noUpdate(), right ? false : noUpdate(), noUpdate()];
        }
        const point = click?.points?.[0];
        if (!point) return [noUpdate(), noUpdate(), noUpdate(), noUpdate()];
        return [String(point.y), String(point.x), point.x !== point.y, "any"];
      },

      // Which image to look at inside of which network; none while the tab is out of sight.
      inside: (source, index, version, form, tab, previous) => {
        if (tab !== "inside") return noUpdate();
        const frame = document.querySelector(".inside-layers");
        const drawing = source === "drawing" ? window.digitlab.drawing() : null;
        const as_drawn = form === "drawn";
        const width = frame?.clientWidth || 360;
        const next = { source, index, drawing, as_drawn, version, width };
        return JSON.stringify(next) === JSON.stringify(previous) ? noUpdate() : next;
      },

      // The figures of all layers, each to its graph.
      maps: (figures) => figures,

      // The point of a layer's maps that is under the pointer, once that rests a moment.
      point: () => {
        const { triggered, triggered_id } = window.dash_clientside.callback_context;
        const at = triggered[0]?.value?.points?.[0];
        if (!at) return noUpdate(); // it left: what was shown stays
        clearTimeout(pointing);
        const data = { layer: triggered_id.place, x: at.x, y: at.y };
        pointing = setTimeout(() => {
          window.dash_clientside.set_props("inside-point", { data });
        }, POINT_MS);
        return noUpdate();
      },

      // Outlines, in each layer's maps, the numbers of which the one under the pointer was made.
      outline: (paths) => {
        document.querySelectorAll(".inside-layer .js-plotly-plot").forEach((graph, place) => {
          const path = paths?.[place];
          if (!path && !graph.layout?.shapes?.length) return;
          const line = { color: "#F0E442", width: 1.5 };
          window.Plotly.relayout(graph, { shapes: path ? [{ type: "path", path, line }] : [] });
        });
        return noUpdate();
      },

      // Which embedding to ask for; none while the tab is out of sight. t-SNE takes seconds: newer
      // weights wait until it is there, or a network that learns quickly would never be shown.
      embedding: (method, version, form, idle, choice, tab, previous) => {
        if (tab !== "embedding") return noUpdate();
        const drawing = window.digitlab.drawing();
        const chosen = chosenIn(choice, version);
        const next = { method, version, drawing, as_drawn: form === "drawn", chosen };
        if (JSON.stringify(next) === JSON.stringify(previous)) return noUpdate();
        const busy = !idle && previous?.method === "tsne" && method === "tsne";
        return busy ? noUpdate() : next;
      },

      // New weights, the Draw tab came into sight, or the network is to get another picture:
      // what does it say now?
      reread: (version, form, tab) => {
        if (tab === "draw") window.digitlab.reread(version, form === "drawn");
        return noUpdate();
      },
    },
  });

  // For the table of runs: Run 9 comes before Run 10, also when both started in the same second,
  // and a name that is wiped out is the number's.
  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    byNumbersInText: (one, other) => one.localeCompare(other, undefined, { numeric: true }),
    byStart: (one, other, { data: first }, { data: second }) =>
      one.localeCompare(other) || first.number - second.number,
    runName: ({ newValue, data }) => (newValue ?? "").trim() || `Run ${data.number}`,
  });

  // The colour theme: the system's until somebody chooses.
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const theme = () => localStorage.getItem("theme") || (system.matches ? "dark" : "light");
  const paint = () => {
    document.documentElement.setAttribute("data-bs-theme", theme());
    document.documentElement.setAttribute("data-ag-theme-mode", theme());
    window.dispatchEvent(new Event("theme"));
  };
  system.addEventListener("change", paint);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme")) return;
    localStorage.setItem("theme", theme() === "dark" ? "light" : "dark");
    paint();
  });
  paint();
})();
