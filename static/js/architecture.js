/* A block of the drawing, a layer of the table and lines of the code are three views of one node: a click lights all of them. */

const lines = JSON.parse(document.getElementById("node-lines").textContent);
const drawing = document.getElementById("drawing");

/** A block of the drawing stands for a node, or for all nodes of its scope. */
function nodesOf(name) {
  return Object.keys(lines).filter((node) => node === name || node.startsWith(`${name}.`));
}

function clear() {
  for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
}

function reveal(element) {
  if (element?.offsetParent) element.scrollIntoView({ block: "nearest" });
}

function light(names) {
  clear();
  const nodes = new Set(names);
  const rows = [...document.querySelectorAll(".layers [data-node]")].filter((row) => nodes.has(row.dataset.node));
  const blocks = [...drawing.querySelectorAll("[data-node]")].filter((block) => nodes.has(block.dataset.node) || names.some((name) => name.startsWith(`${block.dataset.node}.`)));
  const spans = [...nodes].flatMap((node) => lines[node] ?? []).map((number) => document.getElementById(`line-${number}`)).filter(Boolean);
  for (const element of [...rows, ...blocks, ...spans]) element.classList.add("lit");
  reveal(rows[0]);
  reveal(spans.sort((one, other) => Number(one.id.slice(5)) - Number(other.id.slice(5)))[0]);
}

function onBlock(event) {
  const block = event.target.closest("[data-node]");
  if (block) light([block.dataset.node, ...nodesOf(block.dataset.node)]);
}

/** A line of a class that stands for several blocks lights all of them. */
function onLine(event) {
  const line = event.target.closest("[id^=line-]");
  const number = Number(line?.id.slice(5));
  const names = Object.keys(lines).filter((node) => lines[node].includes(number));
  if (!names.length) return;
  light(names);
  reveal(drawing.querySelector(".lit"));
}

drawing.addEventListener("click", onBlock);
drawing.addEventListener("keydown", (event) => (event.key === "Enter" ? onBlock(event) : null));
document.getElementById("source").addEventListener("click", onLine);
document.querySelector(".layers").addEventListener("click", onBlock);
