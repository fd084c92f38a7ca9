"""The files of a repository to look at: a tree of names, and one of them with its source highlighted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from django.utils.safestring import SafeString
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

FIRST = "README.md"
LONGEST = 200_000  # bytes of one file that are shown: weights.h of a large network would be megabytes
TEXTS = (".py", ".md", ".txt", ".toml", ".json", ".yml", ".c", ".h", ".svg", ".lock", "")


@dataclass(frozen=True)
class Entry:
    """A line of the tree: a folder's name, or a file to open."""

    name: str
    path: str
    depth: int
    is_folder: bool
    size_bytes: int = 0
    is_shown: bool = False


@dataclass(frozen=True)
class Browser:
    """Files by path; `chosen` is looked at."""

    files: Mapping[str, bytes]
    chosen: str

    @classmethod
    def of(cls, files: Mapping[str, bytes], wanted: str) -> "Browser":
        return cls(files, wanted if wanted in files else FIRST if FIRST in files else next(iter(files)))

    @classmethod
    def of_archive(cls, archive: Path, wanted: str) -> "Browser":
        """Opens a ZIP archive without the folder that encloses everything in it."""
        with ZipFile(archive) as packed:
            return cls.of({name.partition("/")[2]: packed.read(name) for name in packed.namelist()}, wanted)

    @property
    def entries(self) -> Iterator[Entry]:
        """Folders before files, each once, in the order of a file manager."""
        yield from self._below(PurePosixPath("."), 0)

    def _below(self, folder: PurePosixPath, depth: int) -> Iterator[Entry]:
        inside = [PurePosixPath(path) for path in self.files if folder in PurePosixPath(path).parents]
        for name in sorted({path.relative_to(folder).parts[0] for path in inside if path.parent != folder}):
            yield Entry(name, str(folder / name), depth, is_folder=True)
            yield from self._below(folder / name, depth + 1)
        for path in sorted(str(each) for each in inside if each.parent == folder):
            size = len(self.files[path])
            yield Entry(PurePosixPath(path).name, path, depth, False, size, path == self.chosen)

    @cached_property
    def text(self) -> str | None:
        """None where it is no text, or too long to be looked at here."""
        content = self.files[self.chosen]
        if len(content) > LONGEST or PurePosixPath(self.chosen).suffix not in TEXTS:
            return None
        try:
            return content.decode()
        except UnicodeDecodeError:
            return None

    @property
    def highlighted(self) -> SafeString:
        try:
            lexer = get_lexer_for_filename(self.chosen)
        except ClassNotFound:
            lexer = TextLexer()
        formatter = HtmlFormatter(linespans="line", cssclass="source")
        return SafeString(highlight(self.text or "", lexer, formatter))  # pygments escapes what it prints

    @property
    def size_bytes(self) -> int:
        return len(self.files[self.chosen])
