/* A select with data-submits sends its form at once. A form with data-confirm asks first, in a dialog of ours: the browser's own cannot be styled or read well. */

export function startConfirming() {
  const dialog = document.getElementById("confirm");
  if (!dialog) return;
  let waiting = null;
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = form.getAttribute("data-confirm"); // a field of a form may be named dataset
    if (!question || form === waiting) return;
    event.preventDefault();
    waiting = form;
    dialog.querySelector("[data-question]").textContent = question;
    dialog.querySelector("[data-yes]").textContent = form.getAttribute("data-confirm-yes") ?? "Yes";
    dialog.returnValue = "";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    const form = waiting;
    if (form && dialog.returnValue === "yes") form.requestSubmit();
    waiting = null;
  });
}
