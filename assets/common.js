// What the other scripts share. Dash loads the files of this folder before those of its folders, in
// alphabetical order: this one comes first.
(function () {
  "use strict";

  let prefix = null;

  window.digitlab = {
    // The URL of a path of the server, as /api/runs, under the path at which the page is served.
    url: (path) => {
      prefix ??= JSON.parse(document.getElementById("_dash-config").textContent)
        .requests_pathname_prefix.slice(0, -1);
      return prefix + path;
    },
  };
})();
