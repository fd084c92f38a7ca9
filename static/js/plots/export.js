/* What a plot shows, as rows for a table, CSV, JSON and PNG. */

const shownAtMost = 200;

/** A plot's traces as rows: a heat map cell by cell, a flow link by link, all else point by point. */
export function rowsOf({ data, layout }) {
  return data.filter((trace) => trace.hoverinfo !== "skip").flatMap((trace) => {
    if (trace.type === "heatmap") return cells(trace, layout);
    if (trace.type === "sankey") return links(trace);
    return points(trace, layout);
  });
}

function title(axis, fallback) {
  return axis?.title?.text || fallback;
}

function points(trace, layout) {
  const axes = layout.scene ?? { xaxis: layout.xaxis, yaxis: layout[`yaxis${(trace.yaxis ?? "y").slice(1)}`] };
  return trace.x.map((x, index) => ({
    series: trace.name ?? "",
    ...(trace.customdata ? { candidate: trace.customdata[index] } : {}),
    [title(axes.xaxis, "x")]: trace.base ? trace.base[index] : x,
    ...(trace.base ? { length: x } : {}),
    [title(axes.yaxis, "y")]: trace.y[index],
    ...(trace.z ? { [title(axes.zaxis, "z")]: trace.z[index] } : {}),
  })).filter((row) => Object.values(row).every((value) => value !== null));
}

function cells(trace, layout) {
  return trace.y.flatMap((y, row) => trace.x.map((x, column) => ({ [title(layout.yaxis, "row")]: y, [title(layout.xaxis, "column")]: x, value: trace.z[row][column] })));
}

function links({ node, link }) {
  return link.value.map((value, index) => ({ from: node.label[link.source[index]], to: node.label[link.target[index]], candidates: value }));
}

function csvOf(rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const quoted = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
}

/** The same rows as an HTML table: the plot's twin for those who do not see it. */
export function tableOf(rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const table = document.createElement("table");
  table.className = "data compact";
  const head = table.createTHead().insertRow();
  for (const column of columns) head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: column }));
  const body = table.createTBody();
  for (const row of rows.slice(0, shownAtMost)) {
    const line = body.insertRow();
    for (const column of columns) line.insertCell().textContent = written(row[column]);
  }
  if (rows.length > shownAtMost) table.createCaption().textContent = `The first ${shownAtMost} of ${rows.length} rows are shown; the CSV file has all.`;
  return table;
}

function written(value) {
  if (typeof value !== "number" || Number.isInteger(value)) return value ?? "–";
  return Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toPrecision(4);
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const formats = {
  PNG: (plot, name) => globalThis.Plotly.downloadImage(plot.canvas, { format: "png", filename: name, width: plot.box.clientWidth, height: plot.box.clientHeight, scale: 2 }),
  CSV: (plot, name) => save(`${name}.csv`, "text/csv", csvOf(rowsOf(plot.picture))),
  JSON: (plot, name) => save(`${name}.json`, "application/json", JSON.stringify(rowsOf(plot.picture), null, 1)),
};

/** The menu beside a plot's title. */
export function exportMenu(plot, name, title) {
  const menu = document.createElement("details");
  menu.className = "menu save";
  const summary = document.createElement("summary");
  summary.className = "button quiet small";
  summary.textContent = "Save";
  summary.setAttribute("aria-label", `Save ${title || "this plot"}`);
  const list = document.createElement("div");
  for (const [format, write] of Object.entries(formats)) {
    const item = Object.assign(document.createElement("button"), { type: "button", className: "item", textContent: format });
    item.addEventListener("click", () => {
      menu.open = false;
      write(plot, name);
    });
    list.append(item);
  }
  menu.append(summary, list);
  return menu;
}
