/* One plot in the page. plotly.js is 4 MB, so it loads when the first plot is seen; a hidden plot is purged and drawn again when shown. */
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
   * @param {() => {data: object[], layout: object, config?: object}|null} draw reads the state when the plot is due; null means nothing to show yet
   * @param {{onClick?: (point: object) => void}} handlers
   */
  constructor(box, draw, handlers = {}) {
    Object.assign(this, { box, draw, handlers, visible: false, mounted: false, timer: null, drawnAt: -Infinity });
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
    this.box.toggleAttribute("data-empty", picture === null);
    if (picture === null) return;
    const Plotly = await loadPlotly();
    if (!this.visible) return;
    const first = !this.mounted;
    if (first) this.#prepare();
    this.drawnAt = performance.now();
    await Plotly.react(this.canvas, picture.data, themed(picture.layout), { ...settings, ...picture.config });
    this.box.querySelector(".skeleton")?.remove();
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
    const { onClick } = this.handlers;
    if (onClick) this.canvas.on("plotly_click", (event) => onClick(event.points[0]));
  }
}
