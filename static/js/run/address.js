/* The state of the page in its URL: a link shows what its sender saw. Values that are the default are left out. */

export function remembered(name) {
  return new URLSearchParams(location.search).get(name);
}

/** @param {Record<string, string|number|null>} changes null forgets */
export function remember(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(history.state, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`);
}
