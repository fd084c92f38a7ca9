/* The event log in the words that come with each event, the newest first: what came before the page was opened is fetched when the
   log is first looked at. */

function line({ seq, kind, payload, at, text: words }) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString();
  const text = document.createElement("span");
  text.textContent = words;
  const number = document.createElement("span");
  number.className = "muted small";
  number.textContent = seq;
  item.append(time, text, number);
  item.dataset.kind = kind;
  if (payload.status === "failed" || kind === "SearchFailed") item.className = "bad";
  return item;
}

const shownAtMost = 500;

export class EventLog {
  constructor(list, panel, url) {
    Object.assign(this, { list, panel, url, state: null, newest: null, isFetching: false });
    this.kind = panel.querySelector("[data-event-kind]");
    this.kind.addEventListener("change", () => this.#filter(this.list.children));
    panel.addEventListener("panel:show", () => this.#fill());
  }

  show(state) {
    this.state = state;
    if (!this.panel.hidden) this.#fill();
  }

  #fill() {
    if (this.state === null || this.isFetching) return;
    if (this.newest === null) this.#fetchEarlier();
    else this.#add(this.state.log.filter(({ seq }) => seq > this.newest));
  }

  async #fetchEarlier() {
    this.newest = Math.max(0, this.state.seq - shownAtMost);
    this.isFetching = true;
    try {
      const response = await fetch(`${this.url}?after=${this.newest}&limit=${shownAtMost}`, { headers: { Accept: "application/json" } });
      if (response.ok) this.#add((await response.json()).events);
    } catch {
      // Without the portal there is nothing to show; the connection's state says so already.
    }
    this.isFetching = false;
    this.#fill();
  }

  #add(fresh) {
    if (fresh.length === 0) return;
    this.newest = fresh.at(-1).seq;
    const lines = fresh.reverse().map(line);
    this.#filter(lines);
    this.list.prepend(...lines);
    while (this.list.children.length > shownAtMost) this.list.lastChild.remove();
  }

  #filter(lines) {
    const wanted = this.kind.value;
    for (const each of lines) each.hidden = !(wanted === "" || each.dataset.kind === wanted || (wanted === "failed" && each.className === "bad"));
  }
}
