"""Types of the arguments of public functions, read from their annotations.

:func:`checked` stands above every public function and class. An argument of a wrong type is refused before any work;
a list for a tuple, a whole number for an integer and a text for a path are converted.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from moire._type_rules import Refused, Rule, rule_of
from moire.errors import InputError, broken

Public = TypeVar("Public", bound=Callable[..., Any])

_GIVEN_BY_PYTHON = {"self", "cls"}
_PLAIN = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict)


def checked(public: Public) -> Public:
    """Check the arguments of a public function, or of the constructor and the public methods of a class.

    Raises
    ------
    InputError
        On a call with an argument of a wrong type: its name, the type, and the value.
    """
    if not inspect.isclass(public):
        return _checked_function(public)  # type: ignore[return-value]
    for name, member in list(vars(public).items()):
        if name.startswith("_") and name not in ("__init__", "__call__"):
            continue
        if isinstance(member, classmethod | staticmethod):
            setattr(public, name, type(member)(_checked_function(member.__func__)))
        elif inspect.isfunction(member):
            setattr(public, name, _checked_function(member, public if name == "__init__" else None))
    return public


def _checked_function(function: Callable[..., Any], owner: type | None = None) -> Callable[..., Any]:
    if set(inspect.signature(function).parameters) <= _GIVEN_BY_PYTHON:
        return function
    readers: dict[str, Callable[[Any], Any]] = {}

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if not readers:  # at the first call: what annotations name may be defined after the function
            readers.update({name: rule.read for name, rule in rules(function, owner).items()})
        name, value = "", None
        given = []
        try:
            for (name, read), value in zip(readers.items(), arguments, strict=False):  # noqa: B007 - for the error
                given.append(read(value))
            for name, value in options.items():
                if name in readers:
                    options[name] = readers[name](value)
        except Refused as refused:
            rule = str(refused) or f"be {rules(function, owner)[name].words}"
            raise InputError(broken(name, rule, named_value(value))) from None
        return function(*given, *arguments[len(given) :], **options)

    return call


def rules(function: Callable[..., Any], owner: type | None = None) -> dict[str, Rule]:
    """Rules of the parameters of a function by name, in their order.

    Parameters
    ----------
    function
        The function.
    owner
        The class, for a constructor that a dataclass made of its fields and those of its bases.
    """
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            break
        typed = parameter.name not in _GIVEN_BY_PYTHON and parameter.annotation is not parameter.empty
        bases = () if owner is None else owner.__mro__
        fields = (base.__module__ for base in bases if parameter.name in vars(base).get("__annotations__", ()))
        known = vars(sys.modules[next(fields, function.__module__)])
        found[parameter.name] = rule_of(parameter.annotation if typed else Any, known)
    return found


def named_value(value: object) -> object:
    """Return a value as a sentence names it: a number or a text as typed, and any other object by its class."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, list | tuple) and not all(isinstance(part, _PLAIN) for part in value):
        inner = ", ".join(str(named_value(part)) for part in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    plain = isinstance(value, _PLAIN)
    if plain or type(value).__module__ == "numpy":
        return value
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
