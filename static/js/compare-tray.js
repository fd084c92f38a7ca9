/* The candidates that are ticked for comparison, kept while one walks through the pages of a table. */

const most = 6;

export function startCompareTray() {
  const tray = document.getElementById("compare-tray");
  if (!tray) return;
  const key = `compare:${tray.dataset.run}`;
  const read = () => JSON.parse(sessionStorage.getItem(key) ?? "[]");
  const write = (numbers) => {
    sessionStorage.setItem(key, JSON.stringify(numbers));
    show();
  };

  function show() {
    const numbers = read();
    tray.hidden = numbers.length === 0;
    tray.querySelector("[data-tray-text]").textContent = numbers.length < 2 ? "Select one more to compare with" : "Compare";
    tray.querySelector("button[type=submit]").disabled = numbers.length < 2;
    tray.querySelector("[data-tray-numbers]").replaceChildren(...numbers.flatMap(chip));
    for (const box of document.querySelectorAll("input[name=n][type=checkbox]")) box.checked = numbers.includes(box.value);
  }

  function chip(number) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "n", value: number });
    const tag = document.createElement("span");
    tag.className = "tag accent";
    tag.textContent = `#${number}`;
    return [field, tag, " "];
  }

  function toggle(number, wanted) {
    const others = read().filter((each) => each !== number);
    write(wanted ? [...others, number].slice(-most) : others);
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("input[name=n][type=checkbox]")) toggle(event.target.value, event.target.checked);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-compare-add]");
    if (button) toggle(button.dataset.compareAdd, true);
  });
  document.addEventListener("compare:add", ({ detail }) => write(detail.map(String).slice(0, most)));
  tray.querySelector("[data-tray-clear]").addEventListener("click", () => write([]));
  document.addEventListener("htmx:afterSettle", show);
  show();
}
