"""Axes of a plan: nested, or taken together value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from moire.errors import require
from moire.tasks import HfTask, Task

AxisPoint = tuple[float, float, int | None]
"""Twist angle, displacement field, and the number of the dielectric constant, None for all of them."""


def check_zipped(zipped: Sequence[str], lengths: Mapping[str, Sequence[int]]) -> None:
    """Raise InputError unless the axes taken together are several, and have as many values each.

    Parameters
    ----------
    zipped
        Names of the axes.
    lengths
        Numbers of values by axis; several of ``epsilon_r``, which every table of Hartree-Fock has.
    """
    if not zipped:
        return
    several = len(set(zipped)) == len(zipped) >= 2
    require(several, "zip", "name two axes or more, each once", list(zipped))
    found = [(name, length) for name in zipped for length in lengths[name]]
    listed = ", ".join(f"{length} of {name}" for name, length in dict.fromkeys(found))
    same = len({length for _, length in found}) == 1
    require(same, "zip", "name axes with as many values each", found=f"there are {listed}")


def axis_points(twists: Sequence[float], fields: Sequence[float], zipped: Sequence[str]) -> Iterator[AxisPoint]:
    """Points of a plan in the order of nested loops, the field the fastest; axes taken together are one loop."""
    by_index = "epsilon_r" in zipped
    if {"twist_deg", "displacement_mev"} <= set(zipped):
        for number, (twist_deg, field) in enumerate(zip(twists, fields, strict=True)):
            yield twist_deg, field, number if by_index else None
        return
    for (first, twist_deg), (second, field) in product(enumerate(twists), enumerate(fields)):
        yield twist_deg, field, (first if "twist_deg" in zipped else second) if by_index else None


def tasks_at(tasks: Sequence[Task], index: int | None) -> list[Task]:
    """Tasks of a table at a point: all, or only with the dielectric constant of a number."""
    if index is None or not hasattr(tasks[0], "epsilon_r"):
        return list(tasks)
    first: Any = tasks[0]
    if isinstance(first, HfTask):
        return [replace(first, epsilon_r=(first.epsilon_r[index],))]
    return [tasks[index]]
