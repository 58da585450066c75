// The table of runs: dash-ag-grid weighs 2.2 MB, so its scripts are loaded when the table first comes
// into sight. Until then a component of the same name keeps its place.
(function () {
  "use strict";

  const { createElement, lazy, Suspense, useEffect, useRef, useState } = window.React;
  const SCRIPT = "/_dash-component-suites/dash_ag_grid/dash_ag_grid.min.js";

  let loading = null;

  function load() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = window.digitlab.url(SCRIPT);
      script.addEventListener("load", () => {
        resolve(window.dash_ag_grid);
        window.dash_ag_grid = placeholder; // another component would be another table
      });
      script.addEventListener("error", reject);
      document.head.append(script);
    });
    return loading;
  }

  const Grid = lazy(async () => ({ default: (await load()).AgGrid }));

  function AgGrid(props) {
    const place = useRef(null);
    const [isSeen, setSeen] = useState(false);
    useEffect(() => {
      if (isSeen) return undefined;
      const observer = new IntersectionObserver((entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
      });
      observer.observe(place.current);
      return () => observer.disconnect();
    }, [isSeen]);
    const empty = createElement("p", { ref: place, style: props.style }, "Loading the runs…");
    if (!isSeen) return empty;
    return createElement(Suspense, { fallback: empty }, createElement(Grid, props));
  }
  AgGrid.dashRenderType = true; // as the real one: Dash tells it who changed its properties

  const placeholder = {
    AgGrid,
    getApiAsync: async (id) => (await load()).getApiAsync(id),
  };
  window.dash_ag_grid = placeholder;
})();
