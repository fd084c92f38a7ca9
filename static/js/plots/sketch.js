/* A new point at once. plotly draws all points anew for one that is new, a fifth of a second for 2,000 of them, so it is asked at most
   twice a second; until then the new point is a mark of ours in the same place. */
const svg = "http://www.w3.org/2000/svg";

/**
 * @param {HTMLElement} canvas of a plot in the plane
 * @param {{number: number, x: number, y: number}[]} points
 * @param {{color: string, size: number}} look of an open diamond
 */
export function sketch(canvas, points, { color, size }) {
  const { xaxis, yaxis } = canvas._fullLayout;
  const plane = canvas.querySelector(".scatterlayer")?.parentNode;
  if (!plane) return;
  const reach = 0.65 * size;
  for (const { number, x, y } of points) {
    const [left, top] = [xaxis.d2p(x), yaxis.d2p(y)];
    if (!Number.isFinite(left) || !Number.isFinite(top)) continue; // zero has no place on a logarithmic axis
    const mark = document.createElementNS(svg, "path");
    mark.setAttribute("d", `M${reach},0L0,${reach}L-${reach},0L0,-${reach}Z`);
    mark.setAttribute("transform", `translate(${left},${top})`);
    mark.setAttribute("class", "sketch");
    mark.setAttribute("fill", "none");
    mark.setAttribute("stroke", color);
    mark.dataset.number = number;
    plane.append(mark);
  }
}

/** plotly has drawn them. */
export function eraseSketches(canvas) {
  for (const mark of canvas.querySelectorAll(".sketch")) mark.remove();
}
