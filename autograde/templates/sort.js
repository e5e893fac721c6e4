"use strict";
for (const head of document.querySelectorAll("th[data-sort]")) {
  const sort = () => {
    const body = head.closest("table").tBodies[0], column = Number(head.dataset.sort);
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.closest("table").querySelectorAll("th[data-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => (row.cells[column] || row.cells[0]).dataset.key;
    const short = row => row.cells.length <= column || row.cells[column].dataset.key === undefined;
    const order = (a, b) => short(a) - short(b) || (short(a) ? 0 : key(a).localeCompare(key(b), "en", {numeric: true}) * (down ? -1 : 1));
    body.append(...[...body.rows].sort(order));
  };
  head.tabIndex = 0;
  head.addEventListener("click", sort);
  head.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
}
