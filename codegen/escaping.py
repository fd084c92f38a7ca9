"""User text on its way into files: as a folder name, as one line of Markdown, as a quoted string. Never as code."""

import json
import re
import unicodedata

MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$@:-])")
WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
LONGEST_SLUG = 40


def slug(text: str) -> str:
    """A name for folder and archive: a-z, 0-9 and dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_SLUG].strip("-")
    return short if short and short not in WINDOWS else f"network-{short}".strip("-")


def one_line(text: str) -> str:
    """Removes line breaks, control and direction characters."""
    kept = (" " if character.isspace() else character for character in text)
    return "".join(character for character in kept if unicodedata.category(character)[0] != "C").strip()


def markdown(text: str) -> str:
    """Shown as it is, whatever it holds."""
    return MARKDOWN.sub(r"\\\1", one_line(text))


def quoted(text: str) -> str:
    """A string for YAML and TOML: JSON's form is one of theirs."""
    return json.dumps(one_line(text))
