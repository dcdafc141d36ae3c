"""What an annotation accepts: functions that read a value, each with the words for its rule."""

from __future__ import annotations

import builtins
import collections.abc as abc
import inspect
import types
from collections.abc import Callable, Mapping
from fractions import Fraction
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, is_typeddict

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}
_ARRAYS = {
    "f": ("biuf", "real numbers"), "c": ("biufc", "numbers"), "i": ("biu", "integers"), "u": ("biu", "integers"),
    "b": ("b", "True or False"),
}  # fmt: skip
"""Kinds of entries that an array may have, and the words for them, by the kind of its type."""
_DATA = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, np.ndarray, np.generic, type)


class Refused(Exception):  # noqa: N818 - it leaves this package as an InputError
    """A value has a wrong type."""


class Given(NamedTuple):
    """Note at a field whose constructor converts another type: ``Annotated[tuple[int, ...], Given(int)]``."""

    kind: Any


class Unchecked(NamedTuple):
    """Note at a type whose functions check it themselves, with a sentence of their own."""


class Rule(NamedTuple):
    """What a value has to be, in words for one and for several, and the function that reads it."""

    words: str
    several: str
    read: Callable[[Any], Any]
    """Returns the value, converted where its type is near; raises :class:`Refused` where it is not."""


def rule_of(annotation: Any, known: Mapping[str, Any]) -> Rule:
    """Return the rule of an annotation, a type or its text.

    Parameters
    ----------
    annotation
        What stands behind the name of a parameter.
    known
        Names of its module. A name that only type checkers import stands for any class of this name.
    """
    if isinstance(annotation, str):
        annotation = eval(annotation, {"__builtins__": {}}, _Names(known))
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation in (ArrayLike, DTypeLike):
        return _array(Any) if annotation is ArrayLike else _ANYTHING
    if inspect.isclass(annotation) and annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if annotation is Any or annotation is object or not (inspect.isclass(origin or annotation) or parts):
        return _ANYTHING  # a type variable too
    if origin is Annotated:
        if any(isinstance(note, Unchecked) for note in parts):
            return _ANYTHING
        given = next((note.kind for note in parts[1:] if isinstance(note, Given)), parts[0])
        return _converted(rule_of(given, known), parts[1:])
    if origin in (Union, types.UnionType):
        if set(get_args(ArrayLike)) <= set(parts):
            parts = (*(part for part in parts if part is str or part not in get_args(ArrayLike)), ArrayLike)
        return _union([rule_of(part, known) for part in parts])
    if origin is Literal:
        return _literal(parts)
    if origin is np.ndarray:
        return _array(get_args(parts[1])[0])
    if origin is tuple and parts[-1:] != (Ellipsis,):
        return _fixed([rule_of(part, known) for part in parts])
    if origin in (tuple, list, abc.Sequence, abc.Iterable):
        return _sequence(rule_of(parts[0], known), origin)
    if origin is abc.Mapping:
        return _instance(abc.Mapping)._replace(words="a dictionary", several="dictionaries")
    if origin is abc.Callable:
        return _tested("a function", "functions", callable)
    return _instance(origin or annotation)


class _Names(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        if name.startswith("__"):
            raise KeyError(name)
        return getattr(builtins, name, None) or type(name, (), {"__module__": ""})


def _tested(words: str, several: str, accepts: Callable[[Any], bool]) -> Rule:
    def read(value: Any) -> Any:
        if not accepts(value):
            raise Refused
        return value

    return Rule(words, several, read)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _number(value: Any) -> Any:
    if type(value) is float or type(value) is int:
        return value
    value = _plain(value)
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise Refused
    return value


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    value = _number(value)
    if not isinstance(value, int | np.integer) and not (np.isfinite(float(value)) and value == int(value)):
        raise Refused
    return int(value)


def _path(value: Any) -> Path:
    if not isinstance(value, str | PathLike):
        raise Refused
    return Path(value)


def _fraction(value: Any) -> Any:
    if isinstance(value, Fraction | int | np.integer) and not isinstance(value, bool):
        return value
    try:
        return Fraction(value if isinstance(value, str) else "")
    except (ValueError, ZeroDivisionError):
        raise Refused from None


_ANYTHING = Rule("anything", "things", lambda value: value)
_SIMPLE: dict[Any, Rule] = {
    int: Rule("an integer", "integers", _integer),
    float: Rule("a number", "numbers", _number),
    complex: _tested(
        "a real or complex number", "numbers", lambda v: isinstance(v, complex | Real) and not isinstance(v, bool)
    ),
    bool: _tested("True or False", "True or False", lambda value: isinstance(value, bool | np.bool_)),
    str: _tested("a text", "texts", lambda value: isinstance(value, str)),
    Fraction: Rule("a fraction such as '2/3'", "fractions", _fraction),
    Path: Rule("a path", "paths", _path),
    type(None): _tested("None", "None", lambda value: value is None),
}


def _converted(rule: Rule, notes: tuple[Any, ...]) -> Rule:
    """Return the rule behind a converter of pydantic, which is noted at the options of tasks."""
    convert = next((note.func for note in notes if hasattr(note, "func")), None)
    if convert is None:
        return rule

    def read(value: Any) -> Any:
        try:
            return rule.read(convert(value))
        except ValueError as broken:
            raise Refused(str(broken)) from None

    return rule._replace(words=f"{rule.words} or what reads as one", read=read)


def _union(rules: list[Rule]) -> Rule:
    def read(value: Any) -> Any:
        for rule in rules:
            try:
                return rule.read(value)
            except Refused:
                pass
        raise Refused

    named = list(dict.fromkeys(rule.words for rule in rules))
    several = list(dict.fromkeys(rule.several for rule in rules))
    return Rule(" or ".join(named), " or ".join(several), read)


def _literal(values: tuple[Any, ...]) -> Rule:
    """Return the rule of choices: their type, as each function names those that it takes."""
    return _union([_SIMPLE[kind] for kind in dict.fromkeys(map(type, values))])


def _array(scalar: Any) -> Rule:
    kind = np.dtype(scalar).kind if inspect.isclass(scalar) and issubclass(scalar, np.generic) else ""
    kinds, entries = _ARRAYS.get(kind, ("biufc", "numbers"))

    def read(value: Any) -> Any:
        if type(value) is np.ndarray and value.dtype.kind in kinds:
            return value
        try:
            array = np.asarray(value)
        except ValueError:  # rows of different lengths
            raise Refused from None
        if array.dtype.kind not in kinds:
            whole = kind in "iu" and array.dtype.kind == "f" and np.all(array == np.floor(array))
            if not whole or not np.all(np.abs(array) < 2.0**63):
                raise Refused
            return array.astype(np.int64)
        return array

    return Rule(f"an array of {entries}", f"arrays of {entries}", read)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, abc.Sequence | np.ndarray) and not isinstance(value, str | bytes)


def _fixed(rules: list[Rule]) -> Rule:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple | np.ndarray) or len(value) != len(rules):
            raise Refused
        return tuple(rule.read(part) for rule, part in zip(rules, value, strict=True))

    count = _COUNTS.get(len(rules), str(len(rules)))
    kinds = list(dict.fromkeys(rule.several for rule in rules))
    words = f"{count} {kinds[0]}" if len(kinds) == 1 else f"{count} values, {', '.join(rule.words for rule in rules)}"
    return Rule(words, f"sets of {words}", read)


def _sequence(rule: Rule, origin: type) -> Rule:
    def read(value: Any) -> Any:
        if origin is abc.Iterable and not isinstance(value, str | bytes) and isinstance(value, abc.Iterable):
            return value  # it may be read only once
        if not _is_sequence(value):
            raise Refused
        parts = [rule.read(part) for part in value]
        if origin is tuple:
            return tuple(parts)
        same = all(old is new for old, new in zip(value, parts, strict=True))
        return value if same or isinstance(value, np.ndarray) else parts

    return Rule(f"a sequence of {rule.several}", f"sequences of {rule.several}", read)


def _instance(kind: Any) -> Rule:
    name = kind.__name__
    words = f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
    if kind.__module__ == "":  # known by its name alone
        return _tested(words, f"{name} objects", lambda value: name in {base.__name__ for base in type(value).__mro__})
    if getattr(kind, "_is_protocol", False):
        return _protocol(kind, words)
    if is_typeddict(kind):
        kind = dict
    return _tested(words, f"{name} objects", lambda value: isinstance(value, kind))


def _protocol(kind: Any, words: str) -> Rule:
    """Return the rule of a protocol: one of its methods tells its objects from numbers, texts and other classes."""
    bases = [base for base in kind.__mro__ if getattr(base, "_is_protocol", False) and base.__module__ != "typing"]
    functions = [name for base in bases for name, member in vars(base).items() if inspect.isfunction(member)]
    methods = [name for name in functions if name[0] != "_"]
    special = [name for name in functions if name in ("__call__", "__getitem__")]

    def behaves(value: Any) -> bool:
        if not methods and special:
            return hasattr(type(value), special[0]) and not isinstance(value, list | tuple | str | np.ndarray)
        offered = hasattr(type(value), "__getattr__") or any(hasattr(type(value), method) for method in methods)
        return not isinstance(value, _DATA) and (offered or not methods)

    return _tested(words, f"{kind.__name__} objects", behaves)
