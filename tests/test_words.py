"""The words that a user reads: templates, scripts, messages, help and guides use the field's terms.

A banned word has the word to write instead, and why. What is read: the text of templates and the attributes that a
browser shows, strings of scripts, strings of Python that hold a space (docstrings and log lines apart), the help of
every command, help and labels of every option, and the prose of the guides. URLs, stored values, names of fields and
what histories are made of are not prose; the few texts that must hold such a word are listed with the reason.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.contracts.test_options import KNOWN

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("architectures", "codegen", "nasportal", "profiling", "searches")
UNITS = "bit|class|core|cycle|epoch|filter|image|layer|member|network|project|run|second|split|step|user"
COUNTED = "bytes?|epochs?|evaluators?|folders?|images?|macs|multiply-adds?|one|pj|processes|rows?|seconds?|weights?"


@dataclass(frozen=True)
class Word:
    """A pattern that no text may hold, what to write instead, and why."""

    pattern: str
    instead: str
    why: str

    def found_in(self, text: str) -> bool:
        return re.search(self.pattern, text, re.IGNORECASE) is not None


WORDS = (
    Word(r"\bdata[ -]sets?\b", "dataset", "one word in the field"),
    Word(rf"\b({COUNTED}) an? ({UNITS})\b", "per", "images per class, milliseconds per image"),
    Word(r"\brefus(e|ed|es|al)\b", "rejected", "what a rule does to a proposal or a request"),
    Word(r"\bnotices?\b", "notifications", "what a user gets when a run ends"),
    Word(r"\bdeadlines?\b", "candidate timeout", "it bounds one training"),
    Word(r"\bcounted (cost|work)\b", "compute cost", "a budget is only what bounds it"),
    Word(r"\breplay(s|ed)?\b", "tabular benchmark", "the field's term for a table of known results"),
    Word(r"\b(random control|the control)\b", "random baseline", "what a search is compared with"),
    Word(r"\blag\b", "staleness", "how old the results are that a proposal may use"),
    Word(r"\bchoose|\bchose(n|s)?\b", "select", "one word for taking a candidate or an entry"),
    Word(r"\bunlimited choice|no limits\b", "constraint", "what a network must keep to"),
    Word(r"\btold\b", "notified, reported", "one verb for one thing"),
    Word(r"\bmend(s|ed|ing)?\b", "fix", "plain English"),
    Word(r"\bwish(es|ed)?\b", "want, setting", "plain English"),
    Word(r"\bforet(ell|ells|old)\b", "predict, extrapolate", "plain English"),
    Word(r"\bat work\b", "running, online", "a status has a name"),
    Word(r"\banew\b", "again", "plain English"),
    Word(r"\b(whoever|somebody)\b", "a person by role: administrator, owner", "say who"),
    Word(r"\bso many\b", "a number, at most", "say how many"),
    Word(r"\bby comma\b", "separated by commas", "plain English"),
    Word(r"\bgo(es)? on\b", "continue", "plain English"),
    Word(r"\bin the meantime\b", "leave it out", "it says nothing"),
    Word(r"\btick(ed|s)? (one|two|the|compare)\b", "select", "one word for taking a row"),
)
FRAGMENTS = re.compile(r"(of|by|at) [a-z{]", re.IGNORECASE)

# File, a part of the text, and why it may hold the word.
ALLOWED = (
    ("codegen/licences.py", "keep the notice", "the licences' own term"),
    ("codegen/printing/formatting.py", "the formatter refused", "for developers, when printed source does not parse"),
    ("nasportal/server/courier.py", "notice %s could not be sent", "a line of the log"),
    ("nasportal/backup/database_move.py", "refused:", "what another program did; its own words follow"),
    ("searches/engine/weights/weight_versions.py", "is refused and done anew", "a line of the engine's log"),
    ("searches/models/notification.py", "notices of", "a row in the admin's shell"),
    ("searches/models/replay.py", "replay {}", "a row in the admin's shell"),
    ("searches/tasks.py", "", "what a task returns to the queue"),
    ("searches/evaluation/datasets/reading/arrays.py", "images a class", "a note in the header of histories"),
    ("searches/evaluation/evaluator.py", "the deadline allows", "a reason in the lines of histories"),
    ("option lag", "Staleness (lag)", "the entry of the spec keeps its name"),
    ("searches/spec.py", "staleness (lag)", "the entry of the spec keeps its name"),
    ("templates/searches/run.html", "Replay the search", "the slider plays the search again; no table is meant"),
    ("docs/how-to/use-the-repository.md", "proprietary notice", "the licences' own term"),
    ("docs/how-to/follow-a-run.md", "replays the search", "the slider plays the search again; no table is meant"),
)


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Returns (file, text) for every text that is read."""
    return (*templates(), *scripts(), *messages(), *commands(), *option_texts(), *guides())


def templates() -> Iterator[tuple[str, str]]:
    """Text between tags, and attributes that a browser shows or reads out."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        source = re.sub(r"\{#.*?#\}|<(script|style|pre)\b.*?</\1>", " ", path.read_text("utf-8"), flags=re.DOTALL)
        source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "{}", source)
        shown = re.findall(r'\b(?:title|alt|placeholder|aria-label|data-confirm|data-confirm-yes)="([^"]*)"', source)
        for text in (*re.split(r"<[^>]*>", source), *shown):
            yield path.relative_to(ROOT).as_posix(), " ".join(text.split())


STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')


def scripts() -> Iterator[tuple[str, str]]:
    """Strings of scripts that hold a space, without comments and what is put into templates."""
    for path in sorted((ROOT / "static" / "js").rglob("*.js")):
        source = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)", "", path.read_text("utf-8"), flags=re.DOTALL)
        for one, other in STRING.findall(source):
            text = re.sub(r"\$\{[^}]*\}", "{}", one or other)
            if " " in text.strip():
                yield path.relative_to(ROOT).as_posix(), text


def messages() -> Iterator[tuple[str, str]]:
    """Strings of the product that hold a space; `{}` stands for what is put into them."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" in path.parts or "skeletons" in path.parts:
                continue
            for text in strings(ast.parse(path.read_text("utf-8"))):
                yield path.relative_to(ROOT).as_posix(), text


def strings(tree: ast.AST) -> Iterator[str]:
    """Strings of a module, docstrings and the messages of its log apart."""
    hidden = {id(part) for node in ast.walk(tree) for part in not_shown(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.JoinedStr):
            hidden |= {id(each) for each in node.values}
            text = "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield " ".join(text.split())


def not_shown(node: ast.AST) -> Iterator[ast.AST]:
    """Strings that are statements of their own, such as docstrings, and arguments of `log.…`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
        for argument in node.args:
            yield from ast.walk(argument)


def commands() -> Iterator[tuple[str, str]]:
    """The help of every command of the product, as a terminal shows it."""
    for name, app in sorted(get_commands().items()):
        if str(app).partition(".")[0] in PACKAGES:
            command = load_command_class(str(app), name)
            parser = command.create_parser("manage.py", name)
            yield f"manage.py {name}", " ".join(command.help.split())
            for action in parser._actions:
                yield f"manage.py {name}", " ".join(str(action.help or "").split())


def option_texts() -> Iterator[tuple[str, str]]:
    for path, option in KNOWN.items():
        yield f"option {path}", option.help
        yield f"option {path}", option.title


def guides() -> Iterator[tuple[str, str]]:
    """Paragraphs of the hand-written guides, without code."""
    for folder in ("tutorial", "how-to", "explanation"):
        for path in sorted((ROOT / "docs" / folder).glob("*.md")):
            source = re.sub(r"```.*?```|<!--.*?-->", "", path.read_text("utf-8"), flags=re.DOTALL)
            source = re.sub(r"`[^`]*`|\]\([^)]*\)", "", source)
            for line in source.splitlines():
                yield path.relative_to(ROOT).as_posix(), line


def is_allowed(file: str, text: str) -> bool:
    return any(file == where and part in text for where, part, _ in ALLOWED)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.instead)
def test_the_field_s_term_is_used(word: Word) -> None:
    found = sorted({(file, text) for file, text in texts() if word.found_in(text) and not is_allowed(file, text)})
    assert found == [], f"write {word.instead!r}: {word.why}"


def test_help_and_labels_are_no_fragments() -> None:
    headed = [(file, text) for file, text in [*commands(), *option_texts(), *labels()] if FRAGMENTS.match(text)]
    assert headed == []


def labels() -> Iterator[tuple[str, str]]:
    """Headings, buttons, labels and hints of templates, where they begin with text."""
    kinds = r"h\d|button|label|legend|dt|th|summary|title|span class=\"hint\"|p class=\"lead\""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for text in re.findall(rf"<(?:{kinds})(?: [^>]*)?>([^<]+)", path.read_text("utf-8")):
            yield path.relative_to(ROOT).as_posix(), text.strip()


@pytest.mark.parametrize(("file", "part", "reason"), ALLOWED)
def test_each_exception_is_still_needed(file: str, part: str, reason: str) -> None:
    assert reason
    assert any(part in text and any(word.found_in(text) for word in WORDS) for where, text in texts() if where == file)


@pytest.mark.chain(seconds=6)
def test_a_banned_word_is_seen_in_every_kind_of_text() -> None:
    """The readers above read something: each of them, and more than a handful."""
    for reader, least in ((templates, 500), (scripts, 100), (messages, 1000), (commands, 60), (option_texts, 100)):
        assert sum(1 for _, text in reader() if text) > least
    assert list(strings(ast.parse('"""told"""\nx = f"was {y} told"\nlog.info("we told")\n'))) == ["was {} told"]
