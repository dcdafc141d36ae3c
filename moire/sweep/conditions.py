"""Conditions of a plan: which of its points are computed, as comparisons of numbers."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NoReturn

from moire.errors import InputError, nearest
from moire.tasks import HfTask
from moire.tasks.request import Request

NAMES = ("task", "twist_deg", "displacement_mev", "epsilon_r", "filling", "cells")
"""What a condition compares: the task, the point, the dielectric constant, nu, and the momenta of mesh or cluster."""
_LONGEST = 500
_ARITHMETIC: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_ORDER: dict[type, Callable[[float, float], bool]] = {
    ast.Lt: lambda a, b: a < b and not _close(a, b),
    ast.LtE: lambda a, b: a < b or _close(a, b),
    ast.Gt: lambda a, b: a > b and not _close(a, b),
    ast.GtE: lambda a, b: a > b or _close(a, b),
    ast.Eq: lambda a, b: _close(a, b),
    ast.NotEq: lambda a, b: not _close(a, b),
}


def _close(a: float, b: float) -> bool:
    """Whether two numbers are equal up to the rounding of steps and products."""
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


@dataclass(frozen=True)
class Condition:
    """A comparison such as ``"displacement_mev <= 10 * twist_deg"``.

    It has numbers, the names of :data:`NAMES`, ``+ - * /``, ``abs``, comparisons, ``and``, ``or`` and ``not``.
    Numbers that differ by rounding (1e-9 of their size) are equal.

    Parameters
    ----------
    text
        The condition.

    Raises
    ------
    ValueError
        With the rule that it breaks, from a verb on.
    """

    text: str
    names: frozenset[str] = field(init=False)
    _tree: ast.expr = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rule = f'be a comparison such as "displacement_mev <= 10 * twist_deg", of at most {_LONGEST} characters'
        try:
            with warnings.catch_warnings():  # on numbers that touch a word, and the like
                warnings.simplefilter("ignore")
                tree = ast.parse(self.text.strip(), mode="eval").body if len(self.text) <= _LONGEST else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = None
        if tree is None:
            raise ValueError(rule)
        names = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)} - {"abs"}
        unknown = sorted(names - set(NAMES))
        if unknown:
            raise ValueError(f"compare {', '.join(NAMES)}{nearest(unknown[0], NAMES).rstrip('.?')}")
        object.__setattr__(self, "names", frozenset(names))
        object.__setattr__(self, "_tree", tree)
        try:
            _truth(tree, dict.fromkeys(NAMES, 1.234) | {"task": "bands"})
        except ZeroDivisionError:
            pass  # not at every point
        except (TypeError, KeyError, OverflowError, RecursionError):
            raise ValueError(rule) from None

    def holds(self, values: Mapping[str, float | str]) -> bool:
        """Whether it holds at these values; it holds where one of its names has none."""
        if not self.names <= set(values):
            return True
        try:
            return _truth(self._tree, values)
        except ZeroDivisionError:
            raise InputError(f"`where` must not divide by zero, but {self.text!r} does at {dict(values)}.") from None


def _truth(node: ast.expr, values: Mapping[str, float | str]) -> bool:
    """Value of a comparison, or of several joined by and, or and not; TypeError for anything else."""
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part, values) for part in node.values]
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _truth(node.operand, values)
    if not isinstance(node, ast.Compare):
        raise TypeError
    sides = [_value(side, values) for side in (node.left, *node.comparators)]
    found = True
    for kind, left, right in zip(node.ops, sides, sides[1:], strict=False):
        if isinstance(left, str) and isinstance(right, str) and isinstance(kind, ast.Eq | ast.NotEq):
            found &= (left == right) == isinstance(kind, ast.Eq)
        elif isinstance(left, str) or isinstance(right, str) or type(kind) not in _ORDER:
            raise TypeError
        else:
            found &= _ORDER[type(kind)](left, right)
    return found


def _value(node: ast.expr, values: Mapping[str, float | str]) -> float | str:
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = _number(node.operand, values)
        return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return _ARITHMETIC[type(node.op)](_number(node.left, values), _number(node.right, values))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "abs":
        (argument,) = node.args if len(node.args) == 1 and not node.keywords else (node,)
        return abs(_number(argument, values)) if argument is not node else _refuse()
    raise TypeError


def _number(node: ast.expr, values: Mapping[str, float | str]) -> float:
    value = _value(node, values)
    return _refuse() if isinstance(value, str) else value


def _refuse() -> NoReturn:
    raise TypeError


def admitted(request: Request, conditions: Sequence[Condition]) -> Request | None:
    """Return a request where all conditions hold, with the dielectric constants at which they do; None if at none."""
    if not conditions:
        return request
    task: Any = request.task
    constants = task.epsilon_r if isinstance(task, HfTask) else (getattr(task, "epsilon_r", None),)
    kept = tuple(c for c in constants if all(condition.holds(_values(request, c)) for condition in conditions))
    if not kept:
        return None
    return replace(request, task=replace(task, epsilon_r=kept)) if len(kept) < len(constants) else request


def _values(request: Request, epsilon_r: float | None) -> dict[str, float | str]:
    point, task = request.point, request.task
    found: dict[str, float | str] = {
        "task": task.name,
        "twist_deg": float(point.twist_deg),
        "displacement_mev": float(point.displacement_mev),
    }
    if epsilon_r is not None:
        found["epsilon_r"] = float(epsilon_r)
    if hasattr(task, "filling"):
        found["filling"] = float(Fraction(task.filling))
    shape = getattr(task, "cluster", None) or getattr(task, "mesh", None)
    if shape is not None:
        (a, b), (c, d) = shape if isinstance(shape[0], tuple) else ((shape[0], 0), (0, shape[1]))
        found["cells"] = float(abs(a * d - b * c))
    return found
