"""What the values of all options obey: types as in TOML, finite numbers of a sensible size, texts of one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from moire.errors import InputError, broken, is_one_line
from moire.tasks.options import Option, taken_apart


def fault(value: Any, at_most: float | None) -> str:
    """Return the rule that a number or a text breaks, from a verb on, or an empty text.

    Parameters
    ----------
    value
        A number, a truth value or a text.
    at_most
        Largest size of a number; none by default.
    """
    if isinstance(value, str):
        return "" if is_one_line(value) else "hold only characters that can be printed on one line"
    if isinstance(value, float) and not math.isfinite(value):
        return "be finite"
    if at_most is not None and isinstance(value, int | float) and abs(value) > at_most:
        return f"be at {'least -' if value < 0 else 'most '}{at_most:.15g}"
    return ""


def check_options(table: Any) -> None:
    """Raise InputError unless every option of a dataclass is finite, within its limit, and printable.

    Values that a plan gives are checked where it is read; this checks those from the command line and from Python.
    """
    hints = get_type_hints(type(table), include_extras=True)
    for field in fields(table):
        value = getattr(table, field.name)
        option = next((part for part in taken_apart(hints[field.name])[1] if isinstance(part, Option)), None)
        if option is None or is_dataclass(value):
            continue
        for leaf in _leaves(value):
            rule = fault(leaf, option.at_most)
            if rule:
                raise InputError(broken(field.name, rule, repr(leaf) if isinstance(leaf, str) else leaf))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def limited(schema: dict[str, Any], at_most: float | None) -> dict[str, Any]:
    """Return a pydantic schema whose numbers, texts and truth values are taken as they are, and are checked.

    A truth value is no number, and ``"3"`` neither.
    """
    kind = schema["type"]
    if kind in {"int", "float", "str", "bool"}:
        return _checked(schema | {"strict": True}, at_most)
    inner = dict(schema)
    for name in ("schema", "items_schema"):
        if isinstance(inner.get(name), dict):
            inner[name] = limited(inner[name], at_most)
    for name in ("items_schema", "choices"):
        if isinstance(inner.get(name), list):
            inner[name] = [
                (limited(part[0], at_most), *part[1:]) if isinstance(part, tuple) else limited(part, at_most)
                for part in inner[name]
            ]
    return inner


def _checked(schema: dict[str, Any], at_most: float | None) -> dict[str, Any]:
    return {"type": "function-after", "function": {"type": "no-info", "function": _check(at_most)}, "schema": schema}


def _check(at_most: float | None) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        rule = fault(value, at_most)
        if rule:
            raise ValueError(rule)
        return value

    return check
