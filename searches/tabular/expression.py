"""Arithmetic over a table's columns: parsed, never evaluated as Python."""

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searches.tabular.table import Table, TableError

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
MAX_LENGTH = 500


def evaluated(text: str, table: Table) -> NDArray[np.float64]:
    """Returns the expression's value for each row, (rows,): numbers, columns, + - * / and brackets.

    Raises TableError where it is too long, no arithmetic, or not finite in some row.
    """
    if len(text) > MAX_LENGTH:
        raise TableError(f"the expression must have at most {MAX_LENGTH} characters, but has {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise TableError(f"{text!r} is no arithmetic over columns, such as c10_train_time_s * 12/200 * 1.2") from None
    with np.errstate(divide="ignore", invalid="ignore"):
        values = value(tree, table) + np.zeros(len(table.codes))
    if not np.isfinite(values).all():
        raise TableError(f"{text!r} has no finite value in row {int(np.flatnonzero(~np.isfinite(values))[0]) + 1}")
    return np.asarray(values, dtype=np.float64)


def value(node: ast.expr, table: Table) -> Any:
    """Evaluates a node of the expression. Raises TableError where it is not allowed in one."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=column):
            return table.numbers(column)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return BINARY[type(op)](value(left, table), value(right, table))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in UNARY:
            return UNARY[type(sign)](value(operand, table))
    raise TableError(f"{ast.unparse(node)!r} is not allowed in an expression; use numbers, columns, + - * / and ( )")
