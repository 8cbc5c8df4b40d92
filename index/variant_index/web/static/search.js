// The front page's search: hides the projects that do not match, and says how many do.
"use strict";

(() => {
  const form = document.getElementById("search");
  const query = document.getElementById("query");
  const found = document.getElementById("found");
  const items = [...document.querySelectorAll("#projects tbody tr")];

  function filter() {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const item of items) {
      item.hidden = !words.every((word) => item.textContent.toLowerCase().includes(word));
      count += item.hidden ? 0 : 1;
    }
    found.textContent = words.length ? `${count} of ${items.length} projects` : "";
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  query.addEventListener("input", filter);
  filter();
})();
