// The guide's page: the colour theme of Digit Lab, before anything is painted.
document.documentElement.setAttribute(
  "data-bs-theme",
  localStorage.getItem("theme") ||
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
);
