"""Names of a package that are imported at first use, which keeps start-up short."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, home: Mapping[str, str], modules: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package whose public names live in other modules (PEP 562).

    Parameters
    ----------
    package
        Its ``__name__``.
    home
        Public names, separated by blanks, by the module that defines them.
    modules
        Names of its own modules that are public themselves.
    """
    place = {name: module for module, names in home.items() for name in names.split()}
    rooms = modules.split()

    def get(name: str) -> Any:
        if name in place:
            value = getattr(import_module(place[name]), name)
        elif name in rooms:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *place, *rooms})

    return get, names
