/* The figures of a candidate, as the run's spec and the registries name them: objectives first, then what is counted on the graph. */
import { figure } from "../format.js";

/** @param {object[]} described name, title, unit, direction, modelled: as the page's data block gives them */
export class Measures {
  constructor(described) {
    this.all = described;
    this.named = new Map(described.map((measure) => [measure.name, measure]));
  }

  /** The value of a candidate: measured ones come with its evaluation, counted ones with its graph. */
  value(candidate, name) {
    const measured = candidate.values?.[name];
    if (measured != null) return measured;
    const counted = { params: candidate.params, flops: candidate.macs == null ? null : 2 * candidate.macs, memory: candidate.memory_bytes };
    return counted[name] ?? null;
  }

  text(candidate, name) {
    const measure = this.named.get(name);
    const value = this.value(candidate, name);
    const isModelled = measure.modelled || candidate.modelled?.includes(name);
    return `${isModelled && value != null ? "≈ " : ""}${figure(value, measure.unit)}`;
  }

  axisTitle(name) {
    const measure = this.named.get(name);
    const title = `${measure.modelled ? "≈ " : ""}${measure.title}`;
    return measure.unit && measure.unit !== "%" ? `${title} (${measure.unit})` : title;
  }
}
