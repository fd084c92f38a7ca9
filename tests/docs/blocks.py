"""The code blocks of the documentation, with the marks that stand above them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nasportal.help import pages

ROOT = Path(__file__).resolve().parents[2]
DOCS = pages.DOCS
WALKED = ("tutorial", "how-to")  # folders whose blocks are run, or say why not
OTHERS = ("README.md", "CONTRIBUTING.md", "docs/README.md")
MARK = r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?"
BLOCK = re.compile(MARK + r"^```(?P<language>\w*)\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
END = {"|", ">", "||", "&&", ";"}


@dataclass(frozen=True)
class Block:
    """A code block; `mark` is the comment above it, such as ``not run: needs a GPU`` or ``run: slow``."""

    page: str
    language: str
    code: str
    mark: str

    @property
    def is_run(self) -> bool:
        return self.language in ("sh", "python") and not self.mark.startswith("not run:")

    @property
    def is_slow(self) -> bool:
        return self.mark.startswith("run: slow")


def texts() -> dict[str, str]:
    """Every page of the documentation by its path below the root."""
    paths = [ROOT / name for name in OTHERS] + sorted(DOCS.glob("*/*.md"))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text("utf-8")
    return [Block(page, each["language"], each["code"], each["mark"] or "") for each in BLOCK.finditer(text)]


def walked() -> list[str]:
    """Pages whose blocks are run."""
    return [page for page in texts() if page.startswith(tuple(f"docs/{folder}/" for folder in WALKED))]


def commands(code: str) -> Iterator[list[str]]:
    """The words after ``manage.py`` or ``nas-portal`` in each line of a shell block."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line.replace("$(", "$( ").replace(")", " )"), comments=True)
        at = next((index for index, word in enumerate(words) if word.endswith(("manage.py", "nas-portal"))), None)
        if at is not None:
            rest = words[at + 1 :]
            yield rest[: next((index for index, word in enumerate(rest) if word in END or word == ")"), len(rest))]
