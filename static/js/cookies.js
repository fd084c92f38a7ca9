/* Django's CSRF token, as the page's <meta> gives it, for requests made by scripts. */
export function csrfToken() {
  return document.querySelector("meta[name=csrf-token]").content;
}
