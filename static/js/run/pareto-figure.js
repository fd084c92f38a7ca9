/* The Pareto plot as plotly's data and layout, in two dimensions or three. Pure: what is seen goes in, the figure comes out. */
import { symbols, tokens } from "../plots/tokens.js";
import { escapeHtml } from "../format.js";
import { colourValue, Groups } from "./colouring.js";

/** Of what is not ranked yet. */
export const freshSize = 8;

const spatialSymbols = { "x-thin": "cross", circle: "circle", square: "square", diamond: "diamond", "triangle-up": "x", cross: "cross", star: "diamond-open", hexagon: "square-open" };

/**
 * @param {object} seen run, measures, points, isFront and isRanked (of a candidate), chosen, fidelity of the front
 * @param {object} view x, y, z, logX, logY, colour, dominated, limits, isSpatial, dragmode
 */
export class ParetoFigure {
  constructor(seen, view) {
    Object.assign(this, seen, { view, colours: tokens() });
    this.groups = view.colour === "none" ? null : new Groups(this.run, this.measures, view.colour, this.points);
    this.axes = view.isSpatial ? ["x", "y", "z"] : ["x", "y"];
  }

  get figure() {
    const { points, view, colours } = this;
    const members = points.filter(this.isFront);
    const others = points.filter((candidate) => !this.isFront(candidate));
    const fresh = others.filter((candidate) => !this.isRanked(candidate));
    const ranked = others.filter(this.isRanked);
    const isLess = ({ fidelity }) => this.fidelity !== null && fidelity < this.fidelity;
    const less = view.dominated && this.groups === null ? ranked.filter(isLess) : [];
    const dominated = this.groups === null ? ranked.filter((candidate) => !isLess(candidate)) : ranked;
    const data = this.#dominated(view.dominated ? dominated : [], members);
    // Measured with fewer epochs than the front: not comparable with it, so it looks unlike it.
    if (less.length > 0) data.unshift(this.#trace("less trained", less, { color: colours.muted, size: 6, opacity: 0.5, symbol: "x-thin-open" }));
    if (fresh.length > 0) data.push(this.#trace("not ranked yet", fresh, { color: colours.accent, size: freshSize, symbol: "diamond-open" }));
    if (members.length > 0 && !view.isSpatial) data.push(this.#staircase(members));
    if (members.length > 0) data.push(this.#front(members));
    const chosen = points.find(({ number }) => number === this.chosen);
    if (chosen) data.push(this.#ring(chosen));
    return { data, layout: view.isSpatial ? this.#space() : this.#plane(), config: { scrollZoom: view.isSpatial } };
  }

  #values(candidates, axis) {
    return candidates.map((candidate) => this.measures.value(candidate, this.view[axis]));
  }

  #trace(name, candidates, marker) {
    return {
      // Never scattergl: it compiles its drawing code with eval, which the content policy forbids.
      type: this.view.isSpatial ? "scatter3d" : "scatter", mode: "markers", name,
      ...Object.fromEntries(this.axes.map((axis) => [axis, this.#values(candidates, axis)])),
      customdata: candidates.map(({ number }) => number),
      hovertext: candidates.map((candidate) => this.#hover(candidate)), hovertemplate: "%{hovertext}<extra></extra>",
      marker: this.view.isSpatial ? { ...marker, size: marker.size * 0.55, symbol: [marker.symbol].flat().map(spatial) } : marker,
      selected: { marker: { opacity: 1 } }, unselected: { marker: { opacity: 0.18 } },
    };
  }

  #hover(candidate) {
    const lines = this.measures.all.map(({ name, title }) => `${escapeHtml(title)} ${escapeHtml(this.measures.text(candidate, name))}`);
    return `<b>#${candidate.number}</b><br>${lines.join("<br>")}`;
  }

  /** Colour and marker shape by what was asked for; without it all are one quiet colour. */
  #dominated(candidates, front) {
    const { colours, view } = this;
    if (this.groups?.isNominal) return this.#grouped(candidates, front);
    if (candidates.length === 0) return [];
    if (view.colour === "none") return [this.#trace("dominated", candidates, { color: colours.muted, size: 7, opacity: 0.55, symbol: "circle-open" })];
    return [this.#trace("dominated", candidates, this.#scaled(candidates, { size: 7, opacity: 0.8, symbol: "circle" }))];
  }

  /** A group that is wholly on the front has a place in the legend, too: plotly gives it for a point without a value. */
  #grouped(candidates, front) {
    const { colours } = this;
    return this.groups.of([...candidates, ...front]).map(({ name, index, members }) => {
      const behind = members.filter((candidate) => !this.isFront(candidate));
      const trace = this.#trace(name, behind, { color: colours.series[index], symbol: symbols[index], size: 7, opacity: 0.75 });
      return behind.length > 0 ? trace : { ...trace, ...Object.fromEntries(this.axes.map((axis) => [axis, [null]])), customdata: [null], hovertext: [""] };
    });
  }

  /** The front in one colour, or in the colours of what was asked for: an outline tells it from the others. */
  #front(members) {
    const { colours, view } = this;
    const line = { color: colours.surface, width: 1.5 };
    if (this.groups === null) return this.#trace("front", members, { color: colours.accent, size: 10, symbol: "circle", line });
    if (this.groups.isNominal) {
      const places = members.map((candidate) => this.groups.indexOf(candidate));
      const ring = { color: colours.text, width: 1.5 };
      return this.#trace("front", members, { color: places.map((place) => colours.series[place]), symbol: places.map((place) => symbols[place]), size: 11, line: ring });
    }
    const { colorbar, ...marker } = this.#scaled(members, { size: 11, symbol: "circle", line: { color: colours.text, width: 1.5 } });
    return this.#trace("front", members, view.dominated ? marker : { ...marker, colorbar });
  }

  /** One scale for the front and for the others, so that equal colours mean equal values. */
  #scaled(candidates, marker) {
    const value = (candidate) => colourValue(this.run, this.measures, this.view.colour, candidate);
    const all = this.points.map(value).filter((each) => each !== null);
    const measure = this.measures.named.get(this.view.colour);
    return {
      ...marker, color: candidates.map(value), colorscale: this.colours.scale, cmin: Math.min(...all), cmax: Math.max(...all),
      colorbar: { title: { text: measure ? this.measures.axisTitle(this.view.colour) : this.view.colour, side: "right" }, thickness: 10, outlinewidth: 0, tickfont: { color: this.colours.muted, size: 11 }, tickformat: measure ? ticks(measure) : "" },
    };
  }

  #ring(candidate) {
    const { colours, view } = this;
    const marker = view.isSpatial
      ? { color: colours.warn, size: 20, symbol: "circle", opacity: 0.9 }
      : { color: "rgba(0,0,0,0)", size: 19, symbol: "circle", line: { color: colours.text, width: 2 } };
    return this.#trace("selected", [candidate], marker);
  }

  /** The line up to which this pair of axes is dominated: a front over three objectives has points behind it. */
  #staircase(members) {
    const [byX, byY] = ["x", "y"].map((axis) => (this.measures.named.get(this.view[axis]).direction === "maximise" ? -1 : 1));
    const [xs, ys] = ["x", "y"].map((axis) => this.#values(members, axis));
    const corners = xs.map((x, index) => [x, ys[index]]).sort(([x1, y1], [x2, y2]) => byX * (x1 - x2) || byY * (y1 - y2));
    let least = Infinity;
    const line = corners.filter(([, y]) => byY * y < least && ((least = byY * y), true));
    return {
      type: "scatter", mode: "lines", hoverinfo: "skip", showlegend: false, x: line.map(([x]) => x), y: line.map(([, y]) => y),
      line: { color: this.colours.accent, width: 1.5, shape: "hv" }, opacity: 0.45,
    };
  }

  #axis(axis, isLogarithmic) {
    const name = this.view[axis];
    const type = isLogarithmic ? "log" : "linear";
    // The margins below hold the labels: one that grows makes plotly draw all points twice.
    return { title: { text: this.measures.axisTitle(name) }, type, tickformat: ticks(this.measures.named.get(name)), automargin: false, ...(isLogarithmic ? {} : this.#room(axis)) };
  }

  /** Around a lone value plotly draws one unit to each side, whatever the unit: accuracies from -5 to 195 %. */
  #room(axis) {
    const values = this.#values(this.points, axis);
    const [value] = values;
    if (value == null || values.some((each) => each !== value)) return {};
    const side = Math.abs(value) / 20 || 1;
    return { range: [value - side, value + side] };
  }

  #plane() {
    const { view } = this;
    return {
      showlegend: true, dragmode: view.dragmode, uirevision: [view.x, view.y, view.logX, view.logY].join("/"), selectionrevision: view.dragmode,
      xaxis: this.#axis("x", view.logX), yaxis: this.#axis("y", view.logY), margin: { l: 60, r: 16, t: 28, b: 46 },
      shapes: view.limits ? ["x", "y"].flatMap((axis) => this.#bands(axis)) : [],
    };
  }

  #space() {
    const { view } = this;
    return {
      showlegend: true, uirevision: [view.x, view.y, view.z].join("/"), margin: { l: 0, r: 0, t: 28, b: 0 },
      scene: { xaxis: this.#axis("x", view.logX), yaxis: this.#axis("y", view.logY), zaxis: this.#axis("z", false), dragmode: "orbit", camera: { eye: { x: 1.6, y: 1.6, z: 0.9 }, center: { x: 0, y: 0, z: -0.12 } } },
    };
  }

  /** What the run's limits forbid, as a band from the limit on; a limit that is far from all points is not drawn. */
  #bands(axis) {
    const values = this.#values(this.points, axis);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const { at_most: highest, at_least: lowest } = this.limitsOf[this.view[axis]] ?? {};
    const bands = [];
    if (highest !== undefined && highest < most + 0.6 * (most - least)) bands.push([highest, Math.max(most, highest) + 0.12 * (most - least)]);
    if (lowest !== undefined && lowest > least - 0.6 * (most - least)) bands.push([Math.min(least, lowest) - 0.12 * (most - least), lowest]);
    return bands.map(([from, to]) => this.#band(axis, from, to));
  }

  #band(axis, from, to) {
    const other = axis === "x" ? "y" : "x";
    return {
      type: "rect", layer: "below", fillcolor: this.colours.bad, opacity: 0.1, line: { width: 0 },
      [`${axis}ref`]: axis, [`${other}ref`]: "paper", [`${axis}0`]: from, [`${axis}1`]: to, [`${other}0`]: 0, [`${other}1`]: 1,
      label: { text: "limit", textposition: "top right", font: { color: this.colours.bad, size: 11 } },
    };
  }
}

function ticks(measure) {
  if (measure.unit === "%") return ".1%";
  return measure.unit === "ms" || measure.unit === "mJ" ? "" : "~s";
}

function spatial(symbol) {
  const open = symbol?.endsWith("-open") ?? false;
  const found = spatialSymbols[open ? symbol.slice(0, -5) : symbol] ?? "circle";
  return open && !found.endsWith("-open") ? `${found}-open` : found;
}
