"""What is wrong with a plan, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from moire.errors import nearest

_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_RULES = {
    "too_short": "hold at least one value",
    "too_long": "hold two values",
    "tuple_type": "be a list",
    "string_type": "be a text in quotes",
    "model_type": "be a table",
    "dataclass_type": "be a table",
}  # in words of TOML; pydantic's own are those of Python
_KINDS = {"int": "be an integer", "float": "be a number", "bool": "be true or false"}


def sentence(error: ValidationError, keys_beside: Callable[[tuple[int | str, ...]], list[str]]) -> str:
    """Return the sentence on the fault that explains the others; `keys_beside` gives the valid keys at a place."""
    # an unknown key explains the other errors; otherwise take the branch of a union that was read furthest
    problem = min(error.errors(), key=lambda problem: (problem["type"] not in _UNKNOWN, -len(problem["loc"])))
    place = [part for part in problem["loc"] if part not in {"ParametersTable", "str", "float"}]
    place = [part for part in place if not str(part).startswith(("tuple[", "function", "literal["))]
    name = ".".join(map(str, place))
    if problem["type"] in _UNKNOWN:
        return f"`{name}` is not a key of a plan{nearest(str(place[-1]), keys_beside(problem['loc']))}"
    if problem["type"] in {"missing", "missing_argument"}:
        if isinstance(place[-1], int):  # of a pair; all lists of fixed length are pairs
            return f"`{'.'.join(map(str, place[:-1]))}` must hold two values, but is {problem['input']!r}."
        return f"`{name}` must be given, but is missing."
    return f"`{name}` must {_rule(problem, name)}, but is {problem['input']!r}."


def _rule(problem: Mapping[str, Any], name: str) -> str:
    kind = problem["type"]
    if kind == "tuple_type" and "." not in name and name != "tasks":
        return f"be a list of tables, [[{name}]]"
    words = problem["msg"].removeprefix("Value error, ").removeprefix("Input should ")
    fallback = words if words.startswith("be ") else f"be valid ({words})"
    rule = _RULES.get(kind) or _KINDS.get(kind.split("_")[0]) or fallback
    if "str" in problem["loc"]:  # the first of two alternatives: neither was right
        return f"{rule} or a table"
    return f"{rule}, or [[a, b], [c, d]]" if any(str(part).startswith("literal[") for part in problem["loc"]) else rule
