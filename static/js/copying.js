/* Copy buttons: data-copy names the element whose text goes to the clipboard. */

export function toast(text) {
  document.querySelector(".toast")?.remove();
  const note = document.createElement("div");
  note.className = "toast";
  note.setAttribute("role", "status");
  note.textContent = text;
  document.body.append(note);
  setTimeout(() => note.remove(), 2500);
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text.trim());
    toast("Copied");
  } catch {
    // No permission, or not a secure context: select the text, so that the usual keys copy it.
    getSelection().selectAllChildren(source);
    toast("Selected: press Ctrl+C to copy");
  }
}

export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}
