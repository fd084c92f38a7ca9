"""The portal's icons: line drawings of 16 × 16 in the colour of the text, drawn into the page."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

PATHS = {
    "logo": '<path d="M3 3v18h18" stroke-width="1.6"/><path d="M6 16c1-6 5-9 13-10" stroke-width="1.6"/>'
    '<g fill="currentColor" stroke="none"><circle cx="6.2" cy="15.6" r="1.9"/><circle cx="10.4" cy="9.4" r="1.9"/>'
    '<circle cx="18.6" cy="6.1" r="1.9"/></g><circle cx="14" cy="14.4" r="1.3" stroke-width="1.2" opacity=".6"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "play": '<path d="M5 3.2v9.6l8-4.8z" fill="currentColor"/>',
    "pause": '<path d="M5.5 3.5v9M10.5 3.5v9" stroke-width="2.2"/>',
    "stop": '<rect x="4" y="4" width="8" height="8" rx="1" fill="currentColor"/>',
    "more": '<g fill="currentColor" stroke="none"><circle cx="3.5" cy="8" r="1.3"/><circle cx="8" cy="8" r="1.3"/>'
    '<circle cx="12.5" cy="8" r="1.3"/></g>',
    "download": '<path d="M8 2.5v7.5M4.5 7 8 10.5 11.5 7M3 13.5h10"/>',
    "package": '<path d="m8 2 5.5 3v6L8 14l-5.5-3V5zM2.5 5 8 8l5.5-3M8 8v6"/>',
    "compare": '<path d="M5.5 2.5v11M10.5 2.5v11M2.5 5.5h3M2.5 10.5h3M10.5 5.5h3M10.5 10.5h3"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 3.5v-1h-8v8h1"/>',
    "trash": '<path d="M2.5 4.5h11M6 4V2.5h4V4M4 4.5l.7 9h6.6l.7-9"/>',
    "light": '<circle cx="8" cy="8" r="3"/><path d="M8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6'
    'M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1"/>',
    "dark": '<path d="M13 9.6A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.6z"/>',
    "system": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11A5.5 5.5 0 0 0 8 2.5z" fill="currentColor"/>',
    "person": '<circle cx="8" cy="5.5" r="2.7"/><path d="M2.8 13.8c.6-3 2.5-4.3 5.2-4.3s4.6 1.3 5.2 4.3"/>',
    "star": '<path d="m8 2.2 1.8 3.7 4 .6-2.9 2.8.7 4L8 11.4l-3.6 1.9.7-4-2.9-2.8 4-.6z"/>',
    "starred": '<path d="m8 2.2 1.8 3.7 4 .6-2.9 2.8.7 4L8 11.4l-3.6 1.9.7-4-2.9-2.8 4-.6z" fill="currentColor"/>',
    "bell": '<path d="M3.5 11.5h9c-1-1-1.3-2-1.3-4.3a3.2 3.2 0 0 0-6.4 0c0 2.3-.3 3.3-1.3 4.3zM6.7 13.7h2.6"/>',
    "left": '<path d="M9.5 4 5.5 8l4 4"/>',
    "right": '<path d="m6.5 4 4 4-4 4"/>',
    "check": '<path d="m3 8.5 3.2 3.2L13 5"/>',
    "cross": '<path d="m4 4 8 8M12 4l-8 8"/>',
}
LARGE = ("logo",)


@register.simple_tag
def icon(name: str) -> SafeString:
    """The drawing by its name; it says nothing to a screen reader, the button's text does."""
    size = 24 if name in LARGE else 16
    return format_html(
        '<svg viewBox="0 0 {} {}" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>',
        size,
        size,
        mark_safe(PATHS[name]),  # a constant of this file
    )
