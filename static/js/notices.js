/* Tells in a notice of the browser that a run which was at work on this page has ended. Looks at what the page shows
   anyway: the status of the run page, the rows of a list. Nothing is asked of the server for it. */
const over = ["finished", "failed", "cancelled"];
const known = new Map();

function shown() {
  const page = document.querySelector("[data-run-page]");
  const rows = [...document.querySelectorAll("[data-run-id]")];
  const list = rows.map((row) => [row.dataset.runId, row.dataset.runName, row.dataset.runStatus, `/runs/${row.dataset.runId}/`]);
  if (page) list.push([page.dataset.runUrl, document.querySelector("h1").textContent, status(page), page.dataset.runUrl]);
  return list;
}

function status(page) {
  return page.querySelector("[data-run=status]").textContent.trim().toLowerCase();
}

function look() {
  for (const [id, name, state, url] of shown()) {
    const before = known.get(id);
    known.set(id, state);
    if (before && !over.includes(before) && over.includes(state)) tell(name, state, url);
  }
}

function tell(name, state, url) {
  if (Notification.permission !== "granted") return;
  const notice = new Notification(name, { body: state, tag: url });
  notice.addEventListener("click", () => { window.focus(); window.location.assign(url); });
}

function startButton() {
  const button = document.querySelector("[data-allow-notices]");
  const words = document.querySelector("[data-browser-notices]");
  if (!button) return;
  const show = () => {
    button.hidden = Notification.permission !== "default";
    if (Notification.permission === "granted") words.textContent = "Notifications are on. While a page of the portal is open, a notification appears when a run on that page ends.";
    if (Notification.permission === "denied") words.textContent = "This browser blocks notifications of the portal. Allow them in its settings for this site.";
  };
  button.addEventListener("click", async () => { await Notification.requestPermission(); show(); });
  show();
}

export function startNotices() {
  if (!("Notification" in window)) return;
  startButton();
  look();
  const places = document.querySelectorAll("#runs, [data-run-page] .run-head");
  if (places.length === 0) return;
  // htmx replaces the list, the run page writes into its head: both are changes below <main>.
  const observer = new MutationObserver(look);
  for (const place of places) observer.observe(place.parentElement, { childList: true, subtree: place.matches(".run-head"), characterData: true });
}
