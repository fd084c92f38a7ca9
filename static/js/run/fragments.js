/* Lists that the server writes: small learning curves, failures by reason. A change of their select asks anew. */
import { Remote } from "./remote.js";

export class Fragment {
  constructor(box, version) {
    Object.assign(this, { box, version });
    this.remote = new Remote(box, box.dataset.url, (html) => {
      box.innerHTML = html;
      globalThis.htmx?.process(box);
    }, { as: "text" });
    const select = box.closest("section")?.querySelector("select[data-order]");
    select?.addEventListener("change", () => this.remote.ask(`${box.dataset.url}?order=${select.value}`));
  }

  show(state) {
    this.remote.show(this.version(state));
  }
}
