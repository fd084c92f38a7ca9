/* The style sheet's tokens as plotly understands them. A probe resolves light-dark() to the colour now in force. */

const series = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6", "--series-7"];

/** Marker shapes repeat what colours say. */
export const symbols = ["circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon"];

function resolve(names) {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colours = names.map((name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return colours;
}

let known = null;
document.addEventListener("theme", () => (known = null));

/** Read once for each theme: the colours in force. */
export function tokens() {
  known ??= read();
  return known;
}

function read() {
  const [text, muted, line, surface, raised, sunken, accent, good, warn, bad] = resolve([
    "--text", "--muted", "--line", "--surface", "--raised", "--sunken", "--accent", "--good", "--warn", "--bad",
  ]);
  const [low, middle, high] = resolve(["--scale-low", "--scale-middle", "--scale-high"]);
  return { scale: [[0, low], [0.5, middle], [1, high]], text, muted, line, surface, raised, sunken, accent, good, warn, bad, series: resolve(series) };
}

function axis(colours) {
  return {
    gridcolor: colours.line, linecolor: colours.line, zerolinecolor: colours.line, tickcolor: colours.line,
    tickfont: { color: colours.muted, size: 11 }, title: { font: { color: colours.muted, size: 12 }, standoff: 8 },
    automargin: true, zeroline: false,
  };
}

/** plotly's layout in the portal's look; `over` is laid over it, axis by axis. */
export function themed(over = {}) {
  const colours = tokens();
  const { xaxis = {}, yaxis = {}, scene, ...rest } = over;
  const merge = (mine) => ({ ...axis(colours), ...mine, title: { ...axis(colours).title, ...mine.title } });
  return {
    ...(scene ? { scene: spatial(scene, colours) } : {}),
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: colours.series,
    font: { family: "system-ui, sans-serif", size: 12, color: colours.text },
    margin: { l: 52, r: 12, t: 12, b: 42 }, autosize: true,
    hoverlabel: { bgcolor: colours.raised, bordercolor: colours.line, font: { color: colours.text, size: 12 }, align: "left" },
    legend: { orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", font: { color: colours.muted, size: 11 } },
    hovermode: "closest", ...rest, xaxis: merge(xaxis), yaxis: merge(yaxis),
  };
}

/** Axes in space know neither automargin nor standoff. */
function spatial(scene, colours) {
  const merge = (mine) => ({
    color: colours.muted, gridcolor: colours.line, zerolinecolor: colours.line, backgroundcolor: "rgba(0,0,0,0)",
    ...mine, title: { font: { color: colours.muted, size: 12 }, ...mine.title },
  });
  return { ...scene, xaxis: merge(scene.xaxis), yaxis: merge(scene.yaxis), zaxis: merge(scene.zaxis) };
}
