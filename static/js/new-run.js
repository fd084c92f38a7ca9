/* The new-run form while one types: options of what is chosen, faults where they stand, the estimate and the spec.
   The server judges; nothing that was entered is ever touched. */
import { csrfToken } from "./cookies.js";

const pause = 250;
const form = document.getElementById("new-run");
const checkUrl = form.getAttribute("data-check"); // form.dataset is the field of that name
const touched = new Set();
let timer = null;
let asked = null;

function fields() {
  return [...form.querySelectorAll("[data-field]")];
}

/** Options are shown while their owner is the one that is chosen: `algorithm:nsga2`. */
function showOwned() {
  for (const field of fields()) {
    const [entry, owner] = (field.dataset.owner ?? "").split(":");
    if (owner) field.hidden = new FormData(form).get(entry) !== owner;
  }
}

/** How many settings of a fold are not at their default, so that nothing is overlooked; a fold without fields is hidden. */
function countChanged() {
  for (const fold of form.querySelectorAll("details.advanced")) {
    const shown = [...fold.querySelectorAll("[data-field]:not([hidden])")];
    const count = shown.filter((field) => entered(field) !== field.dataset.default).length;
    fold.hidden = shown.length === 0;
    fold.querySelector("[data-changed]").textContent = count ? `· ${count} changed` : "";
  }
}

function entered(field) {
  const boxes = [...field.querySelectorAll("[type=checkbox]")];
  return boxes.length ? boxes.filter((box) => box.checked).map((box) => box.value).join(",") : control(field).value.trim();
}

function control(field) {
  return field.querySelector("input, select, fieldset");
}

function mark(field, messages) {
  const text = messages.join(" ");
  const slot = field.querySelector("[data-error]");
  if (slot.textContent !== text) slot.textContent = text;
  const input = control(field);
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function show({ errors, stray, estimate, spec }) {
  for (const field of fields()) mark(field, errors[field.dataset.field] ?? []);
  const name = form.querySelector("#id-name");
  const faults = touched.has("name") ? (errors.name ?? []) : [];
  form.querySelector("#id-name-error").textContent = faults.join(" ");
  name.toggleAttribute("aria-invalid", faults.length > 0);
  if (faults.length > 0) name.setAttribute("aria-invalid", "true");
  form.querySelector("[data-stray]").replaceChildren(...stray.map((message) => Object.assign(document.createElement("li"), { textContent: message })));
  form.querySelector("[data-estimate]").innerHTML = estimate;
  form.querySelector("[data-spec]").textContent = spec;
  for (const fold of form.querySelectorAll("details:not([open])")) {
    if (fold.querySelector("[aria-invalid=true]")) fold.open = true; // a fault must not hide
  }
}

async function check() {
  asked?.abort();
  asked = new AbortController();
  try {
    const response = await fetch(checkUrl, {
      method: "POST", body: new FormData(form), headers: { "X-CSRFToken": csrfToken() }, signal: asked.signal,
    });
    if (response.ok) show(await response.json());
  } catch (error) {
    if (error.name !== "AbortError") form.querySelector("[data-stray]").textContent = "The portal does not answer. Your entries are kept.";
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(check, pause);
}

/* Generations are another way to say evaluations: population × generations. The spec only knows evaluations. */
const generations = form.querySelector("[data-generations]");
const evaluations = form.querySelector("[name=evaluations]");

function population() {
  const field = form.querySelector(`[name="algorithm_options.${new FormData(form).get("algorithm")}.population"]`);
  return Number(field?.value) || null;
}

function countGenerations(event) {
  const input = generations.querySelector("input");
  const size = population();
  generations.hidden = size === null;
  if (size === null) return;
  if (event?.target === input) evaluations.value = Math.max(1, Math.round(Number(input.value) || 1)) * size;
  else input.value = Number(evaluations.value) > 0 ? String(Math.round((10 * Number(evaluations.value)) / size) / 10) : "";
}

form.addEventListener("input", (event) => {
  countGenerations(event);
  touched.add(event.target.name);
  showOwned();
  countChanged();
  soon();
});
showOwned();
countChanged();
countGenerations();
form.querySelector("[aria-invalid=true]")?.focus();
