/* The page's live region: says what a screen reader should hear, and nothing else. */
export function announce(text) {
  const region = document.getElementById("live");
  if (region) region.textContent = text;
}
