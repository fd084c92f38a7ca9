/* What the points of the Pareto plot are coloured by: groups with a colour and a marker shape each, or a scale. */
import { counted } from "../format.js";
import { symbols } from "../plots/tokens.js";

/** Of groups that are counted: where there are more of them than shapes, they make a scale. */
const titles = { generation: (number) => `generation ${number}`, fidelity: (epochs) => counted(epochs, "epoch") };

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
  if (by === "fidelity") return candidate.fidelity;
  if (by === "seconds") return candidate.seconds ?? null;
  return measures.value(candidate, by);
}

/** Few values are groups, each with its own colour and shape; more are a scale. The front and the others share them. */
export class Groups {
  constructor(run, measures, by, candidates) {
    Object.assign(this, { run, measures, by });
    const names = [...new Set(candidates.map((candidate) => this.nameOf(candidate)))];
    this.isNominal = by === "algorithm" || (by in titles && names.length <= symbols.length);
    this.names = names.sort((one, other) => (typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true })));
  }

  nameOf(candidate) {
    return colourValue(this.run, this.measures, this.by, candidate);
  }

  indexOf(candidate) {
    return this.names.indexOf(this.nameOf(candidate)) % symbols.length;
  }

  /** Those of the candidates that belong to each group that has any. */
  of(candidates) {
    const groups = this.names.map((name, index) => ({
      name: titles[this.by]?.(name) ?? String(name),
      index: index % symbols.length,
      members: candidates.filter((candidate) => this.nameOf(candidate) === name),
    }));
    return groups.filter(({ members }) => members.length > 0);
  }
}
