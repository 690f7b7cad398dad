"use strict";
// Sorts and filters tables, makes cards of the rows of those that are too wide, shows one class of points of a
// chart, and switches between the light and the dark page. Without it all is there to read.

function compare(a, b) {
  // Rows without a value come last in either direction; see `sortBy`.
  const x = Number(a), y = Number(b);
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
}

function sortBy(table, index) {
  const heads = [...table.tHead.rows[0].cells];
  const sign = heads[index].getAttribute("aria-sort") === "ascending" ? -1 : 1;
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[index].setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const value = (row) => row.cells[index].dataset.sort;
  const empty = (text) => text === "" || text === "nan";
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const x = value(a), y = value(b);
    if (empty(x) || empty(y)) return empty(x) - empty(y);
    return sign * compare(x, y);
  });
  table.tBodies[0].append(...rows);
}

function filterBy(table, text, output) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...table.tBodies[0].rows];
  let shown = 0;
  for (const row of rows) {
    const content = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => content.includes(word));
    shown += !row.hidden;
  }
  output.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
}

for (const table of document.querySelectorAll(".table table")) {
  [...table.tHead.rows[0].cells].forEach((head, index) =>
    head.querySelector(".sort").addEventListener("click", () => sortBy(table, index)));
}
for (const filter of document.querySelectorAll(".filter")) {
  const table = filter.parentElement.querySelector("table"), output = filter.querySelector("output");
  filter.hidden = false;
  filter.querySelector("input").addEventListener("input", (event) => filterBy(table, event.target.value, output));
}


function fit(table) {
  const place = table.querySelector(".scroll");
  table.classList.remove("cards");
  table.classList.toggle("cards", place.scrollWidth > place.clientWidth + 1);
}

// A table in a closed `details` has no width before it is opened, which is a change of its size.
const widths = new Map();
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const width = target.clientWidth;
    if (width && widths.get(target) !== width) {
      widths.set(target, width);
      fit(target.closest(".table"));
    }
  }
});
document.querySelectorAll(".table .scroll").forEach((place) => resized.observe(place));

for (const choice of document.querySelectorAll(".choose")) {
  const points = [...choice.parentElement.querySelectorAll("[data-class]")], output = choice.querySelector("output");
  choice.hidden = false;
  choice.querySelector("select").addEventListener("change", (event) => {
    const wanted = event.target.value;
    let shown = 0;
    for (const point of points) {
      const there = !wanted || point.dataset.class.split(" ").includes(wanted);
      point.style.display = there ? "" : "none";
      shown += there;
    }
    output.textContent = wanted ? `${shown} of ${points.length}` : "";
  });
}

// The first and last nodes are in the middle, which a small screen does not reach.
const lineage = document.querySelector("#lineage .drawing");
if (lineage) lineage.scrollLeft = (lineage.scrollWidth - lineage.clientWidth) / 2;

const theme = document.getElementById("theme"), root = document.documentElement;
const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
const label = () => { theme.textContent = isDark() ? "Light page" : "Dark page"; };
theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
theme.hidden = false;
label();

// Paper is white, and nothing on it can be opened.
let before, folded = [];
addEventListener("beforeprint", () => {
  before = root.dataset.theme;
  root.dataset.theme = "light";
  folded = [...document.querySelectorAll("details.table:not([open])")];
  folded.forEach((one) => { one.open = true; });
});
addEventListener("afterprint", () => {
  if (before) root.dataset.theme = before; else delete root.dataset.theme;
  folded.forEach((one) => { one.open = false; });
});
