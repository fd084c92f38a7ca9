/* One plot in the page. plotly.js is 4 MB, so it loads when the first plot is seen; a hidden plot is purged and drawn again when shown. */
import { exportMenu, rowsOf, tableOf } from "./export.js";
import { eraseSketches, sketch } from "./sketch.js";
import { themed } from "./tokens.js";

let library = null;

function loadPlotly() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.plotly;
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => reject(new Error("plotly.js could not be loaded"));
    document.head.append(script);
  });
  return library;
}

const settings = { responsive: true, displaylogo: false, displayModeBar: false, doubleClick: "reset" };

/** Redraws at most twice a second, however many events arrive. */
const shortestPause = 500;

export class Plot {
  /**
   * @param {HTMLElement} box
   * @param {() => {data: object[], layout: object, config?: object}|null} draw reads the state when the plot is due; null means that there is nothing to show, undefined that it is not known yet
   * @param {{onClick?: (point: object) => void, onSelect?: (points: object[]) => void}} handlers
   */
  constructor(box, draw, handlers = {}) {
    Object.assign(this, { box, draw, handlers, visible: false, mounted: false, timer: null, drawnAt: -Infinity, picture: null, furnished: false });
    new IntersectionObserver((entries) => this.#seen(entries.at(-1).isIntersecting), { rootMargin: "200px" }).observe(box);
    document.addEventListener("theme", () => this.refresh());
  }

  /** Asks for a redraw; several requests become one. */
  refresh() {
    if (!this.visible || this.timer !== null) return;
    const wait = Math.max(0, this.drawnAt + shortestPause - performance.now());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.#render();
    }, wait);
  }

  /** A change that does not wait for the next redraw, such as what dragging does. */
  relayout(changes) {
    if (this.mounted) globalThis.Plotly.relayout(this.canvas, changes);
  }

  /** New points that do not wait for the next redraw, on a plane that is drawn already. */
  sketch(points, look) {
    if (this.mounted && this.visible && this.canvas._fullLayout) sketch(this.canvas, points, look);
  }

  /** Drawn from nothing at the next refresh: for another kind of axes, which plotly cannot change in place. */
  reset() {
    this.#purge();
  }

  #seen(visible) {
    if (visible === this.visible) return;
    this.visible = visible;
    if (visible) this.refresh();
    else if (this.box.offsetParent === null) this.#purge();
  }

  #purge() {
    if (!this.mounted) return;
    this.mounted = false;
    globalThis.Plotly.purge(this.canvas);
    this.canvas.remove();
  }

  async #render() {
    const picture = this.draw();
    if (picture === undefined) return; // its skeleton stays
    this.box.toggleAttribute("data-empty", picture === null);
    if (picture === null) return this.#purge();
    this.picture = picture;
    const Plotly = await loadPlotly();
    if (!this.visible) return;
    this.#furnish();
    const first = !this.mounted;
    if (first) this.#prepare();
    this.drawnAt = performance.now();
    await Plotly.react(this.canvas, picture.data, themed(picture.layout), { ...settings, ...picture.config });
    eraseSketches(this.canvas);
    this.box.querySelector(".skeleton")?.remove();
    this.fillTwin?.();
    if (first) this.#listen();
  }

  #prepare() {
    this.mounted = true;
    this.canvas = document.createElement("div");
    this.canvas.style.height = "100%";
    this.canvas.setAttribute("aria-hidden", "true"); // its table twin is what a screen reader meets
    this.box.append(this.canvas);
  }

  #listen() {
    const { onClick, onSelect } = this.handlers;
    if (onClick) this.canvas.on("plotly_click", (event) => onClick(event.points[0]));
    if (onSelect) this.canvas.on("plotly_selected", (event) => event && onSelect(event.points));
    if (onSelect) this.canvas.on("plotly_deselect", () => onSelect([]));
  }

  /** What every plot has beside it: a menu that saves it, and its table twin, which is only filled when it is opened. */
  #furnish() {
    if (this.furnished) return;
    this.furnished = true;
    const section = this.box.closest("section");
    const title = section?.querySelector("h2, h3")?.textContent.trim() ?? "";
    const name = title.toLowerCase().replace(/[^a-z0-9]+/g, "-") || "plot";
    section?.querySelector(".panel-head, .section-head")?.append(exportMenu(this, name, title));
    if (section?.querySelector(".twin") === null) this.box.after(this.#twin());
  }

  #twin() {
    const twin = document.createElement("details");
    twin.className = "twin";
    twin.append(Object.assign(document.createElement("summary"), { textContent: "As a table" }));
    const wrap = document.createElement("div");
    wrap.className = "table-wrap";
    twin.append(wrap);
    this.fillTwin = () => twin.open && wrap.replaceChildren(tableOf(rowsOf(this.picture)));
    twin.addEventListener("toggle", this.fillTwin);
    return twin;
  }
}
