"""The public names: functions and classes of every public module, and their calls that check their arguments."""

import inspect
from enum import Enum
from importlib import import_module

MODULES = [
    "moire",
    "moire.bands",
    "moire.bloch",
    "moire.continuum",
    "moire.continuum.symmetry",
    "moire.exact_diagonalization",
    "moire.filling",
    "moire.fitting",
    "moire.form_factors",
    "moire.gates",
    "moire.grids",
    "moire.hartree_fock",
    "moire.interaction",
    "moire.io",
    "moire.lattice",
    "moire.magnetic",
    "moire.models",
    "moire.observables",
    "moire.orbitals",
    "moire.parameters",
    "moire.plane_waves",
    "moire.plot",
    "moire.predictions",
    "moire.projection",
    "moire.relaxation",
    "moire.sweep",
    "moire.tasks",
    "moire.topology",
]
UNTYPED = {"band_bytes", "for_each", "integer_matrix", "smith_normal_form"}  # helpers of their modules, without __all__
ELSEWHERE = {"moire.ranks", "moire.resources", "moire.errors"}  # of the launcher and the machine


def _public():
    found = {}
    for module in map(import_module, MODULES):
        listed = getattr(module, "__all__", None)
        for name in listed or [name for name in vars(module) if not name.startswith("_")]:
            member = getattr(module, name)
            if not (inspect.isclass(member) or inspect.isfunction(member)) or name in UNTYPED:
                continue
            home = member.__module__
            if home.startswith("moire") and home not in ELSEWHERE and (listed or home == module.__name__):
                found[f"{home}.{name}"] = member
    return found


PUBLIC = _public()
CLASSES = {
    name: kind
    for name, kind in PUBLIC.items()
    if inspect.isclass(kind) and not issubclass(kind, BaseException | Enum) and not getattr(kind, "_is_protocol", False)
}


def calls():
    """Name, function, and class of constructors, of all that take arguments."""
    for name, member in PUBLIC.items():
        if inspect.isfunction(member):
            yield name, member, None
        elif name in CLASSES:
            for own, method in vars(member).items():
                if not own.startswith("_") or own in ("__init__", "__call__"):
                    function = getattr(method, "__func__", method)
                    if inspect.isfunction(function):
                        yield f"{name}.{own}", function, member if own == "__init__" else None


def has_arguments(function):
    return bool(set(inspect.signature(function).parameters) - {"self", "cls"})
