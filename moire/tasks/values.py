"""Types of options: numbers, lists and ranges, meshes, clusters, groups of bands, fillings."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field

from moire.errors import InputError, require
from moire.filling import FillingLike, carriers_per_cell
from moire.tasks.options import Spelling

LARGEST_MESH = 10_000
"""Largest side of a mesh of momenta."""
MOST_SHELLS = 100
"""Largest plane-wave cutoff in units of |G_1|; H(k) has 73,000 rows there."""
MOST_VALUES = 100_000
"""Most values of one axis."""
_MOST_DIGITS = 18  # of an integer typed as text
_SMALLEST_STEP = 1e-9  # values are rounded to ten digits after the point


def _as_values(value: Any) -> Any:
    """Turn a number, a list or a table {start, stop, step} into a list of numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value]
    if isinstance(value, Mapping) and set(value) == {"start", "stop", "step"} and _is_range(**value):
        steps = (value["stop"] - value["start"]) / value["step"]
        if not steps < MOST_VALUES:
            raise ValueError(f"ask for at most {MOST_VALUES} values")
        return [round(value["start"] + i * value["step"], 10) for i in range(int(steps + 1e-9) + 1)]
    if isinstance(value, list | tuple):
        return value
    raise ValueError(
        f"be a number, a list, or a table with finite start <= stop and step >= {_SMALLEST_STEP:.0e}".replace(
            "e-0", "e-"
        )
    )


def _is_range(start: Any, stop: Any, step: Any) -> bool:
    for part in (start, stop, step):
        if isinstance(part, bool) or not isinstance(part, int | float) or not abs(part) <= sys.float_info.max:
            return False
    return bool(step >= _SMALLEST_STEP and start <= stop)


def check_mesh(mesh: tuple[int, int], most: int | None = None) -> None:
    """Raise InputError unless the sides of a mesh are positive, and it has at most `most` momenta."""
    require(min(mesh) >= 1, "mesh", "have positive integer sides", f"{mesh[0]}x{mesh[1]}")
    n_points = mesh[0] * mesh[1]
    require(most is None or n_points <= most, "mesh", f"have at most {most} momenta", found=f"has {n_points}")


def check_cluster(shape: ClusterShape, most: int) -> None:
    """Raise InputError if a cluster has more than `most` cells; what else it must be, the grid checks."""
    first, second = shape
    if isinstance(first, int) and isinstance(second, int):
        n_cells = first * second
    else:
        (a, b), (c, d) = cast("tuple[tuple[int, int], tuple[int, int]]", shape)
        n_cells = a * d - b * c
    require(abs(n_cells) <= most, "cluster", f"have at most {most} cells", found=f"has {abs(n_cells)}")


def hole_filling(filling: FillingLike) -> str:
    """Return the filling factor of a filling of holes as text, ``"-2/3"`` for 2/3, -0.6667 or (2, 3).

    Equal fillings have the same text, so that their requests are equal; an unsigned filling is printed as nu.

    Raises
    ------
    InputError
        If it is not a number.
    """
    return str(-carriers_per_cell(filling, "hole"))


def _as_hole_filling(value: Any) -> str:
    try:
        return hole_filling(value)
    except InputError:
        raise ValueError("be a number of holes per cell such as '-2/3', -2 or [2, 3]") from None


_NAMED = re.compile(r"\d*\[\[(-?\d+),(-?\d+)\],\[(-?\d+),(-?\d+)\]\]")


def _pair(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) <= _MOST_DIGITS for part in parts):
        raise ValueError("read N1xN2, such as 6x6")
    return int(parts[0]), int(parts[1])


def _matrix(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Read T11,T12,T21,T22, also as in names of clusters, ``"[[4, 2], [-2, 2]]"`` and ``"12 [[4, 2], [-2, 2]]"``."""
    named = _NAMED.fullmatch(text.replace(" ", ""))
    a, b, c, d = map(int, named.groups() if named else text.split(","))
    return (a, b), (c, d)


def _cluster(text: str) -> Any:
    try:
        shape = _matrix(text) if "," in text else _pair(text)
    except ValueError:
        shape = (0, 0)
    if isinstance(shape[0], int) and min(shape) < 1:
        raise ValueError("be N1xN2 with positive sides or four integers T11,T12,T21,T22")
    return shape


def _supercell(text: str) -> Any:
    try:
        return text if text in ("", "sqrt3") else _matrix(text)
    except ValueError:
        raise ValueError("be sqrt3 or four integers S11,S12,S21,S22") from None


def _groups(text: str) -> tuple[tuple[int, ...], ...]:
    try:
        return tuple(tuple(int(band) for band in group.split("+")) for group in text.split(","))
    except ValueError:
        raise ValueError("be groups of bands such as 0,1,0+1") from None


def _listed(kind: Callable[[str], Any], rule: str) -> Callable[[str], tuple[Any, ...]]:
    def read(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part) for part in text.split(",") if part)
        except ValueError:
            raise ValueError(rule) from None

    return read


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError("be one number or several, such as 10,20,40") from None


def _polarisations(text: str) -> Any:
    rule = "be 'all' or numbers N_K - N_K' such as 8,6,4"
    return text if text == "all" else _listed(int, rule)(text)


def _bands_or_all(text: str) -> Any:
    try:
        return text if text == "all" else int(text)
    except ValueError:
        raise ValueError("be an integer or 'all'") from None


def _joined(values: Any) -> str:
    return ",".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def _by_x(shape: Any) -> str:
    return "x".join(map(str, shape))


def _flat(shape: Any) -> str:
    return shape if isinstance(shape, str) else _joined(part for row in shape for part in row)


ClusterShape = tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]

Values = Annotated[
    tuple[float, ...],
    BeforeValidator(_as_values),
    Field(min_length=1),
    Spelling("values", "X,Y,...", _numbers, _joined),
]
HoleFilling = Annotated[
    str, BeforeValidator(_as_hole_filling), Spelling("[filling](theory/projection.md#fillings)", "NU", str, str)
]
Mesh = Annotated[tuple[int, int], Spelling("two integers", "N1xN2", _pair, _by_x)]
Cluster = Annotated[
    ClusterShape, Spelling("`[N1, N2]` or `[[T11, T12], [T21, T22]]`", "N1xN2|T11,T12,T21,T22", _cluster, _by_x)
]
Supercell = Annotated[
    Literal["", "sqrt3"] | tuple[tuple[int, int], tuple[int, int]],
    Spelling('`"sqrt3"` or `[[S11, S12], [S21, S22]]`', "sqrt3|S11,S12,S21,S22", _supercell, _flat),
]
Phases = Annotated[tuple[float, float], Spelling("two numbers", "X Y", _numbers, _joined)]
Groups = Annotated[
    tuple[tuple[int, ...], ...],
    Spelling(
        "list of lists of integers", "0,1,0+1", _groups, lambda groups: ",".join("+".join(map(str, g)) for g in groups)
    ),
]
Integers = Annotated[
    tuple[int, ...],
    Spelling("list of integers", "1,2", _listed(int, "be integers such as 1,2, or empty"), _joined),
]
Polarisations = Annotated[
    tuple[int, ...] | Literal["all"],
    Spelling(
        '`"all"` or list of integers', "all|P,P,...", _polarisations, lambda v: v if isinstance(v, str) else _joined(v)
    ),
]
BandsOrAll = Annotated[int | Literal["all"], Spelling('integer or `"all"`', "N|all", _bands_or_all, str)]
Texts = Annotated[tuple[str, ...], Spelling("list of texts", "NAME,NAME", _listed(str, "be texts"), _joined)]
