"""A table of architectures with known values, as a problem that an algorithm can search."""

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from architectures.spaces import Decision, Variation
from searches.algorithms.algorithm import Genotype

MAX_BYTES = 2**30  # unpacked


class TableError(ValueError):
    """A table, or a question to it, that cannot be replayed."""


@dataclass(frozen=True)
class Table:
    """Codes, and the columns beside them."""

    name: str
    codes: tuple[str, ...]
    columns: dict[str, list[str]]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Returns a column as float64 numbers, (rows,); an empty cell is NaN.

        Raises TableError where there is no such column, or it holds something that is no number.
        """
        if column not in self.columns:
            raise TableError(f"{self.name} has no column {column!r}; it has {', '.join(sorted(self.columns))}")
        try:
            return np.array([float(cell) if cell.strip() else np.nan for cell in self.columns[column]])
        except ValueError as error:
            raise TableError(
                f"the column {column!r} of {self.name} holds a value that is not a number: {error}"
            ) from None

    @cached_property
    def letters(self) -> tuple[tuple[str, ...], ...]:
        """Returns, for each position of the code, the values seen in it, in order.

        Raises TableError where codes differ in length.
        """
        split = [parts(code) for code in self.codes]
        lengths = {len(each) for each in split}
        if len(lengths) != 1:
            short, long = min(lengths), max(lengths)
            raise TableError(
                f"the codes of {self.name} must have one length, but have from {short} to {long} positions"
            )
        return tuple(tuple(sorted(set(column), key=by_size)) for column in zip(*split, strict=True))

    @cached_property
    def rows(self) -> dict[Genotype, int]:
        """Returns the row of each code, as a genotype. Raises TableError where a code is not unique."""
        index = [{letter: place for place, letter in enumerate(letters)} for letters in self.letters]
        rows: dict[Genotype, int] = {}
        for row, code in enumerate(self.codes):
            genotype = tuple(places[letter] for places, letter in zip(index, parts(code), strict=True))
            if rows.setdefault(genotype, row) != row:
                raise TableError(f"the code {code!r} occurs twice in {self.name}; a code must be unique")
        return rows


def parts(code: str) -> tuple[str, ...]:
    """Positions of a code: between colons, or else each character."""
    return tuple(code.split(":")) if ":" in code else tuple(code)


def by_size(letter: str) -> tuple[float, str]:
    return (float(letter), letter) if letter.isdigit() else (float("inf"), letter)


def read(path: Path, code: str) -> Table:
    """Reads a csv (plain or .gz) with a header line, or a parquet file where pyarrow is installed.

    Raises TableError where there is no such file or column, or a row has no code.
    """
    if not path.is_file():
        raise TableError(f"there is no table {path}")
    rows = parquet(path) if path.suffix == ".parquet" else comma_separated(path)
    if code not in rows:
        raise TableError(f"{path.name} has no column {code!r} for --code; it has {', '.join(rows)}")
    codes = tuple(rows.pop(code))
    if not codes or not all(codes):
        raise TableError(f"{path.name} has {'a row without a code' if codes else 'no rows'}")
    return Table(path.name, codes, rows)


def comma_separated(path: Path) -> dict[str, list[str]]:
    """Reads the columns of a csv, plain or gzip. Raises TableError where it is too long, empty, ragged or no csv."""
    raw = path.read_bytes()
    try:
        if raw[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(raw)) as stream:
                raw = stream.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path.name} is not valid CSV: {error}") from error
    if len(raw) > MAX_BYTES:
        raise TableError(f"{path.name} has more than {MAX_BYTES:,} bytes")
    rows = [row for row in rows if row]
    if not rows:
        raise TableError(f"{path.name} is empty")
    wrong = next((row for row in rows if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise TableError(f"{path.name} has {len(rows[0])} columns, but a row of {len(wrong)}: {','.join(wrong)[:60]}")
    return {name: list(column) for name, *column in zip(*rows, strict=True)}


def parquet(path: Path) -> dict[str, list[str]]:
    """Reads the columns of a parquet file as text. Raises TableError where pyarrow is missing."""
    if find_spec("pyarrow") is None:
        raise TableError(f"{path.name} needs the package pyarrow; install it, or give the table as csv")
    from pyarrow import parquet as reader  # type: ignore[import-not-found]  # optional

    columns: dict[str, list[Any]] = reader.read_table(path).to_pydict()
    return {name: ["" if cell is None else str(cell) for cell in column] for name, column in columns.items()}


@dataclass(frozen=True)
class TableSpace:
    """The codes' positions as decisions; each position is a block of its own."""

    letters: tuple[tuple[str, ...], ...]

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        return tuple(
            Decision(f"position {place}", letters, f"position {place}") for place, letters in enumerate(self.letters)
        )

    @cached_property
    def size(self) -> int:
        size = 1
        for letters in self.letters:
            size *= len(letters)
        return size

    @cached_property
    def open(self) -> tuple[int, ...]:
        """Positions with more than one value."""
        return tuple(place for place, letters in enumerate(self.letters) if len(letters) > 1)

    def canonical(self, genotype: Genotype) -> Genotype:
        return genotype

    def relevant(self, genotype: Genotype) -> tuple[bool, ...]:
        return (True,) * len(genotype)

    def sample(self, random: Random) -> Genotype:
        return tuple([int(random.random() * len(letters)) for letters in self.letters])

    def mutate(self, genotype: Genotype, random: Random, rate: float | None = None) -> Variation:
        if not self.open:
            return Variation(genotype, "no position can be changed")
        places = [place for place in self.open if rate is not None and random.random() < rate]
        child = list(genotype)
        changes = []
        for place in places or [random.choice(self.open)]:
            value = random.randrange(len(self.letters[place]) - 1)
            child[place] = value + (value >= genotype[place])
            changes.append(f"position {place}: {self.letters[place][child[place]]}")
        return Variation(tuple(child), "; ".join(changes))

    def crossover(self, first: Genotype, second: Genotype, random: Random) -> Variation:
        differ = [place for place in self.open if first[place] != second[place]]
        if len(differ) < 2:
            return Variation(first, "the parents differ in one position at most")
        taken = sorted(random.sample(differ, random.randint(1, len(differ) - 1)))
        child = list(first)
        for place in taken:
            child[place] = second[place]
        return Variation(tuple(child), f"positions {', '.join(map(str, taken))} of the second parent")


@dataclass(frozen=True)
class TableProblem:
    """The problem that an algorithm sees; identity is the table's code."""

    table: Table
    space: TableSpace
    seed: int
    costs: NDArray[np.float64]  # of each row

    @property
    def document(self) -> None:
        """A table has no networks that a step could train."""

    def sample(self, random: Random) -> Genotype:
        """Draws from all possible codes; one that the table lacks is rejected and counted."""
        return self.space.sample(random)

    def cost(self, genotype: Genotype) -> float:
        return float(self.costs[self.table.rows[genotype]])

    def identity(self, genotype: Genotype) -> str:
        row = self.table.rows.get(genotype)
        return "" if row is None else self.table.codes[row]

    def refusal(self, genotype: Genotype) -> str:
        return "" if genotype in self.table.rows else "the table has no such code"


def finite(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Returns which rows, (rows,), have a value in every one of the columns (rows,)."""
    return np.asarray(np.isfinite(np.stack(columns)).all(axis=0), dtype=np.bool_)
