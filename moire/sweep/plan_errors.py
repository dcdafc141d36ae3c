"""What is wrong with a plan, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from moire.errors import broken, nearest, on_one_line
from moire.sweep.toml_lines import Place

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
_BRANCHES = ("tuple[", "function", "literal[")  # how pydantic names the alternatives of a type
_TEXT = "function-after[check(), str]"  # a text among alternatives
_OTHER_NAMES = {
    "cluster": ("cluster", "mesh"),
    "figure": ("name",),
    "group": ("bands",),
    "guess": ("guesses",),
    "n_bands": ("bands", "n_bands"),
}
"""Keys that stand for an argument that is not itself a key."""


def fault_of(
    error: ValidationError,
    table: Any,
    keys_beside: Callable[[tuple[int | str, ...]], list[str]],
    whole: str = "a plan",
) -> tuple[Place, str]:
    """Return the place of the fault that explains the others, and a sentence on it.

    Parameters
    ----------
    error
        The faults that pydantic found in a plan.
    table
        The plan as nested dictionaries and lists.
    keys_beside
        Returns the valid keys of the table that holds a location.
    whole
        What the table is.
    """
    # an unknown key explains the other errors; otherwise take the branch of a union that was read furthest
    problem = min(error.errors(), key=lambda problem: (problem["type"] not in _UNKNOWN, -len(problem["loc"])))
    place = _place(problem["loc"], table)
    name = on_one_line(".".join(map(str, place)))
    if not place:
        return place, f"{whole[0].upper()}{whole[1:]} must be a table, but is {in_toml(problem['input'])}."
    if problem["type"] in _UNKNOWN:
        return place, f"`{name}` is not a key of {whole}{nearest(str(place[-1]), keys_beside(problem['loc']))}"
    if problem["type"] in {"missing", "missing_argument"}:
        if isinstance(place[-1], int):  # of a pair; all lists of fixed length are pairs
            outer = ".".join(map(str, place[:-1]))
            return place[:-1], broken(outer, "hold two values", in_toml(problem["input"]))
        return place, f"`{name}` must be given, but is missing."
    others = (other for other in error.errors() if _is_choice(other) and _place(other["loc"], table) == place)
    words = [] if _is_choice(problem) else [f", or {other['ctx']['expected']}" for other in others]
    return place, broken(name, "".join([_rule(problem, name), *words]), in_toml(problem["input"]))


def _is_choice(problem: Mapping[str, Any]) -> bool:
    """Whether a value was none of the words that may stand there, alone or beside a number or a list."""
    return bool(problem["type"] == "literal_error")


def renamed(sentence: str, keys: Mapping[Place, Sequence[str]]) -> tuple[Place, str]:
    """Return the place of the option that a sentence of a task is about, and the sentence with its full key.

    Parameters
    ----------
    sentence
        It names an option in backticks, or nothing.
    keys
        Keys of the tables in which the option can be, the likeliest table first.
    """
    match = re.search(r"`(\w+)`", sentence)
    if match is None:  # on memory: the advice says which option would reduce it
        words = re.findall(r"\w+", sentence)
        return next(((*table, word) for table, known in keys.items() for word in words if word in known), ()), sentence
    for table, known in keys.items():
        for name in (match[1], *_OTHER_NAMES.get(match[1], ())):
            if name in known:
                place = (*table, name)
                return place, sentence.replace(f"`{match[1]}`", f"`{'.'.join(map(str, place))}`", 1)
    return (), sentence


def in_toml(value: Any) -> str:
    """Return a value as it is written in TOML, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {in_toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value)
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python converts
        return "an integer of thousands of digits"


def _place(location: tuple[int | str, ...], table: Any) -> Place:
    """Return the part of a location that is in the plan; pydantic adds the alternatives of a type, and an index."""
    place: Place = ()
    for part in location:
        if part in {"ParametersTable", "str", "float"} or str(part).startswith(_BRANCHES):
            continue
        if isinstance(part, int) and not isinstance(table, list | tuple):
            continue
        place = (*place, part)
        if isinstance(part, int):
            table = table[part] if part < len(table) else None
        else:
            table = table.get(part) if isinstance(table, Mapping) else None
    return place


def _rule(problem: Mapping[str, Any], name: str) -> str:
    kind = problem["type"]
    if kind == "tuple_type" and name in {"hf", "ed", "fci"}:
        return f"be a list of tables, [[{name}]]"
    own = problem["msg"].removeprefix("Value error, ")  # of our own validators
    words = own.removeprefix("Input should ")
    fallback = own if kind == "value_error" else words if words.startswith("be ") else f"be valid ({words})"
    rule = _RULES.get(kind) or _KINDS.get(kind.split("_")[0]) or fallback
    if _TEXT in problem["loc"] and kind == "string_type":  # the first of two alternatives: neither was right
        return f"{rule} or a table"
    return f"{rule}, or [[a, b], [c, d]]" if any(str(part).startswith("literal[") for part in problem["loc"]) else rule
