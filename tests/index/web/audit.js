// What an accessibility checker would say of a page: a list of problems, each one line.
() => {
  const problems = [];
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(visible);
  const words = (element) => element.outerHTML.slice(0, 90);

  if (!document.documentElement.lang) problems.push("the page has no language");
  if (!document.title) problems.push("the page has no title");
  for (const landmark of ["main", "header", "footer"])
    if (document.querySelectorAll(landmark).length !== 1) problems.push(`not exactly one <${landmark}>`);
  if (document.querySelectorAll("h1").length !== 1) problems.push("not exactly one h1");

  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) problems.push(`id twice: ${id}`);
  for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const id of `${element.getAttribute("aria-labelledby") ?? ""} ${element.getAttribute("aria-describedby") ?? ""}`.split(" "))
      if (id && !document.getElementById(id)) problems.push(`refers to ${id}, which is not there: ${words(element)}`);

  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) problems.push(`heading jumps from ${level} to ${own}: ${words(heading)}`);
    level = own;
  }
  for (const input of all("input, select, textarea"))
    if (![...input.labels].some((label) => label.textContent.trim())) problems.push(`no label: ${words(input)}`);
  for (const group of all("fieldset"))
    if (!group.querySelector("legend")?.textContent.trim()) problems.push(`no legend: ${words(group)}`);
  for (const group of all("[role=group], [role=region], section"))
    if (!group.hasAttribute("aria-labelledby") && !group.hasAttribute("aria-label"))
      problems.push(`no name: ${words(group)}`);
  for (const control of all("a, button, summary"))
    if (!(control.textContent.trim() || control.getAttribute("aria-label"))) problems.push(`empty: ${words(control)}`);
  for (const image of all("img")) if (!image.hasAttribute("alt")) problems.push(`no alt: ${words(image)}`);
  for (const table of all("table")) {
    if (!table.caption?.textContent.trim()) problems.push(`no caption: ${words(table)}`);
    for (const cell of table.querySelectorAll("th"))
      if (!cell.scope) problems.push(`no scope: ${words(cell)}`);
    for (const row of table.tBodies[0].rows)
      if (!row.querySelector("th[scope=row]")) problems.push(`no row header: ${words(row)}`);
  }
  for (const target of all("button, select, .choice label, summary")) {
    const { width, height } = target.getBoundingClientRect();
    if (width < 24 || height < 24) problems.push(`smaller than 24 by 24: ${words(target)}`); // WCAG 2.5.8
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
    problems.push(`wider than the window: ${document.documentElement.scrollWidth}`);

  // WCAG 2.2, 1.4.3: 4.5 to 1, for large text 3 to 1. Relative luminance as its glossary defines it.
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(element) || !visible(element) || element.closest("script, option")) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const [one, other] = [luminance(rgb(style.color)), luminance(background(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)}: ${words(element)}`);
  }
  return problems;
}
