"""What a docstring owes its reader: a sentence, the shapes of arrays, and the errors that a function raises.

A method that overrides one of a product class may leave its docstring out: it inherits the text, and the duty with it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("nasportal", "searches", "codegen", "profiling", "architectures")
# Skeletons and the device agent are text that travels: they are read by others, under rules of their own.
ELSEWHERE = ("codegen/skeletons/", "profiling/agent/", "/migrations/")
ARRAYS = {"Tensor", "NDArray", "ndarray", "ArrayLike"}
DIMENSION = r"(?:\.\.\.|[\w']+(?:\s?[-+*/]\s?[\w']+)*)"
SHAPE = re.compile(rf"(?<!\w)\({DIMENSION}(?:,\s{DIMENSION})*,?\s?{DIMENSION}?\)")
IN_WORDS = re.compile(r"\b(scalars?|(same|any|whatever|its|their|own) shapes?|shapes? of)\b")
FRAGMENT = re.compile(
    r"(Of|By|At|For|Where|Whether|Who|Whose|As|With|Without|From|In|On|Under|Between|Until|While|When|Why|Not)\b"
)
NO_VERB = re.compile(r"(What|How|Which)\b")  # a class or a module may be called so, a function does something

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef | ast.Module


@dataclass(frozen=True)
class Routine:
    """A public function or method, where it stands, and the class that it belongs to."""

    path: str
    node: Function
    owner: str = ""

    @property
    def place(self) -> str:
        name = f"{self.owner}.{self.node.name}" if self.owner else self.node.name
        return f"{self.path}:{self.node.lineno} {name}"

    def text(self) -> str:
        """Its docstring, or else the one that it inherits."""
        own = ast.get_docstring(self.node) or ""
        return own or (inherited(self.owner, self.node.name) if self.owner else "")

    def is_on_arrays(self) -> bool:
        arguments = self.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        annotations = [argument.annotation for argument in every if argument is not None] + [self.node.returns]
        return any(note is not None and words(note) & array_names(self.path) for note in annotations)

    def errors(self) -> set[str]:
        raised = [node.exc for node in own_nodes(self.node) if isinstance(node, ast.Raise) and node.exc is not None]
        named = [exc.func if isinstance(exc, ast.Call) else exc for exc in raised]
        last = [ast.unparse(name).rpartition(".")[2] for name in named]
        return {name for name in last if name[:1].isupper()}

    def unnamed_errors(self) -> set[str]:
        text = self.text()
        return {error for error in self.errors() if not re.search(rf"\b{error}\b", text)}


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in the body of a function but what stands in a function or class within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def words(node: ast.AST) -> set[str]:
    """The names that an annotation mentions, those within quotation marks too."""
    return set(re.findall(r"\w+", ast.unparse(node)))


@cache
def modules() -> dict[str, ast.Module]:
    paths = {path.relative_to(ROOT).as_posix(): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    kept = {name: path for name, path in sorted(paths.items()) if not any(part in name for part in ELSEWHERE)}
    return {name: ast.parse(path.read_text("utf-8")) for name, path in kept.items()}


@cache
def array_names(path: str) -> frozenset[str]:
    """The names of arrays in a module: numpy's, torch's, and aliases that it makes or imports."""
    found: set[str] = set(ARRAYS)
    for statement in modules()[path].body:
        if (alias := alias_of(statement)) and alias[1] & found:
            found.add(alias[0])
        if isinstance(statement, ast.ImportFrom) and (source := source_of(statement)):
            found |= {name.name for name in statement.names} & array_names(source)
    return frozenset(found)


def source_of(statement: ast.ImportFrom) -> str | None:
    """The module of the product that names are imported from."""
    path = (statement.module or "").replace(".", "/")
    return next((name for name in (f"{path}.py", f"{path}/__init__.py") if name in modules()), None)


def alias_of(statement: ast.stmt) -> tuple[str, set[str]] | None:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name, mentioned = statement.targets[0].id, words(statement.value)
        return (name, mentioned) if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name) and "Callable" not in mentioned else None
    return None


@cache
def classes() -> dict[str, list[ast.ClassDef]]:
    found: dict[str, list[ast.ClassDef]] = {}
    for module in modules().values():
        for node in module.body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def inherited(owner: str, method: str) -> str:
    """The docstring of the nearest base class of the product that documents the method; "" where none does."""
    for base in (words(base) for node in classes().get(owner, []) for base in node.bases):
        for name in base & classes().keys() - {owner}:
            own = (ast.get_docstring(part) for part in methods(name) if part.name == method)
            if text := next((text for text in own if text), "") or inherited(name, method):
                return text
    return ""


def methods(owner: str) -> list[Function]:
    bodies = [statement for node in classes()[owner] for statement in node.body]
    return [statement for statement in bodies if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)]


@cache
def routines() -> list[Routine]:
    """The public functions of all modules and the public methods of their public classes."""
    found = []
    for path, module in modules().items():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found += [Routine(path, part, node.name) for part in node.body if isinstance(part, Function)]
            if isinstance(node, Function):
                found.append(Routine(path, node))
    return [routine for routine in found if not routine.node.name.startswith("_")]


def has_shape(text: str) -> bool:
    return any("," in shape for shape in SHAPE.findall(text)) or IN_WORDS.search(text) is not None


@pytest.mark.chain(seconds=10)
def test_public_functions_on_tensors_and_arrays_give_the_shapes() -> None:
    silent = [routine.place for routine in routines() if routine.is_on_arrays() and not has_shape(routine.text())]
    assert silent == [], 'a docstring gives shapes such as "(N, C, H, W)" or says "scalar"'


def test_public_functions_that_raise_name_the_error() -> None:
    silent = {routine.place: sorted(unnamed) for routine in routines() if (unnamed := routine.unnamed_errors())}
    assert silent == {}, 'a docstring says "Raises ThisError where ..."'


def test_docstrings_begin_with_what_the_thing_does() -> None:
    documented = [
        (f"{path}:{getattr(node, 'lineno', 1)}", ast.get_docstring(node) or "", isinstance(node, Function))
        for path, module in modules().items()
        for node in ast.walk(module)
        if isinstance(node, Documented)
    ]
    fragments = [
        f"{place} {text.splitlines()[0]}"
        for place, text, is_function in documented
        if FRAGMENT.match(text) or (is_function and NO_VERB.match(text))
    ]
    assert fragments == [], "a docstring is a sentence"


@pytest.mark.parametrize("text", ["points (N, M)", "a batch (N, C, H, W)", "(N,) losses", "(2 * C, H)", "a scalar"])
def test_a_shape_is_recognised(text: str) -> None:
    assert has_shape(text)


@pytest.mark.parametrize("text", ["(Deb et al. 2002, doi.org/10.1109/4235.996017)", "(once)", "f(x)", ""])
def test_what_is_no_shape_is_not_taken_for_one(text: str) -> None:
    assert not has_shape(text)
