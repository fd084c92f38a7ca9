/* What the points of the Pareto plot are coloured by: groups with a colour and a marker shape each, or a scale. */
import { symbols } from "../plots/tokens.js";

/** Who proposed a candidate: a portfolio names the member in front of the change. */
export function proposer({ spec }, candidate) {
  const named = /^([a-z0-9_]+): /.exec(candidate.change ?? "");
  const members = spec.algorithm_options.members?.split(",").map((name) => name.trim()) ?? [];
  return named && members.includes(named[1]) ? named[1] : spec.algorithm;
}

/** The value by which a candidate is coloured: a name makes groups, a number a scale. */
export function colourValue(run, measures, by, candidate) {
  if (by === "generation") return (candidate.generation ?? 0) + 1;
  if (by === "algorithm") return proposer(run, candidate);
  if (by === "fidelity") return `${candidate.fidelity} epochs`;
  if (by === "seconds") return candidate.seconds ?? null;
  return measures.value(candidate, by);
}

/** Few values are groups, each with its own shape; more are a scale. */
export function groupsOf(run, measures, by, candidates) {
  const valued = candidates.map((candidate) => ({ candidate, value: colourValue(run, measures, by, candidate) }));
  const names = [...new Set(valued.map(({ value }) => value))];
  const nominal = by === "algorithm" || by === "fidelity" || (by === "generation" && names.length <= symbols.length);
  if (!nominal) return null;
  const order = names.sort((one, other) => (typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true })));
  return order.map((name, index) => ({
    name: by === "generation" ? `generation ${name}` : String(name),
    index: index % symbols.length,
    members: valued.filter(({ value }) => value === name).map(({ candidate }) => candidate),
  }));
}
