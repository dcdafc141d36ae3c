"""Phase boundary where the energies of two followed states cross."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from moire._arrays import ComplexArray
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import ConvergenceWarning, require
from moire.filling import FillingLike
from moire.hartree_fock.deflation import valley_overlap
from moire.hartree_fock.follow import transferred
from moire.hartree_fock.ground_state import are_equal, ground_state
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.result import HartreeFockResult, Symmetry
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.solve import solve_hartree_fock

_FOLLOWED = 0.95  # overlap per carrier of a followed state with its start: different phases have 0.85
_MOST_POINTS = 30
_ENERGY_ERROR_MEV = 1e-6  # per cell, of a converged state

Kind = Literal[
    "crossing", "end of the first state", "end of the second state", "end of both states", "one phase", "none"
]
_ENDS: Mapping[tuple[bool, bool], Kind] = {
    (True, False): "end of the first state",
    (False, True): "end of the second state",
    (True, True): "end of both states",
}


@checked
@dataclass(frozen=True, eq=False)
class Crossing(Shown):
    """Where the second state replaces the first along a parameter.

    Parameters
    ----------
    value, uncertainty
        The parameter and the error of its search, in the unit of the bounds; NaN without a boundary. The error of the
        model (mesh, cutoffs, bands kept) is in `variants`.
    kind
        ``"crossing"``: the energies of two solutions cross, a transition of first order; ``"end of the first state"``:
        it merges with the second or is lost as a solution, and similarly for the second; ``"end of both states"``: they
        exist nowhere together; ``"one phase"``: followed to the other bound, each becomes the other; ``"none"``: one is
        lower at both bounds.
    slope
        d(E_second - E_first)/d(parameter) per cell at a crossing, in meV per unit; NaN otherwise.
    points
        (parameter, E_second - E_first per cell in meV) of all points, NaN where one state was lost, ascending.
    states
        Both states at the last point at which both exist.
    variants
        Boundaries of other meshes, cutoffs or bands kept, by name, from :meth:`compared`.
    """

    value: float
    uncertainty: float
    kind: Kind
    slope: float
    points: tuple[tuple[float, float], ...] = field(repr=False)
    states: tuple[HartreeFockResult, HartreeFockResult] = field(repr=False)
    variants: Mapping[str, float] = field(default_factory=dict)

    def compared(self, others: Mapping[str, Crossing]) -> Crossing:
        """Add the boundaries found at other meshes, cutoffs or bands kept, by name."""
        return replace(self, variants={**self.variants, **{name: other.value for name, other in others.items()}})

    @property
    def spread(self) -> float:
        """Largest distance to the boundary of a variant, in the unit of the bounds; NaN without variants."""
        distances = [abs(value - self.value) for value in self.variants.values()]
        return max(distances) if distances else float("nan")

    def __str__(self) -> str:
        first, second = self.states
        if np.isnan(self.value):
            why = "followed, each becomes the other" if self.kind == "one phase" else "one is lower at both bounds"
            return f"no boundary between {first.guess} and {second.guess}: {why}"
        lines = [
            f"{first.guess} to {second.guess} at {Number(self.value):.4f} +- {Number(self.uncertainty):.4f} "
            f"({self.kind}{self._slope()})"
        ]
        for name, value in self.variants.items():
            lines.append(f"{name}: {Number(value):.4f} ({Number(value - self.value):+.4f})")
        return "\n".join(lines)

    def _slope(self) -> str:
        return "" if np.isnan(self.slope) else f", energies part by {Number(abs(self.slope)):.4f} meV per cell and unit"


@dataclass(frozen=True, eq=False)
class _Point:
    """Both states at one value of the parameter; None for one that was lost."""

    at: float
    mean_field: MeanField
    states: tuple[HartreeFockResult | None, HartreeFockResult | None]
    merged: bool = False

    @property
    def difference(self) -> float:
        first, second = self.states
        return float("nan") if first is None or second is None else second.energy_per_cell - first.energy_per_cell


@checked
def find_crossing(
    mean_field_at: Callable[[float], MeanField],
    bounds: tuple[float, float],
    guesses: tuple[str | ComplexArray, str | ComplexArray],
    filling: FillingLike,
    tolerance: float = 0.02,
    symmetry: Symmetry = "free",
    settings: ScfSettings = DEFAULTS,
) -> Crossing:
    """Find where the energies of two states cross along a parameter, by following both from the bounds.

    The first state is solved and relaxed to a minimum at the first bound, the second at the second. Both are then
    followed to every other point, starting from the nearest point where they exist: beyond a first-order transition a
    state remains a solution. The energy difference is smooth, so that a few points are sufficient. A state that is lost
    ends the bracket instead: it left its branch, or became equal to the other state.

    Parameters
    ----------
    mean_field_at
        Mean field at a value of the parameter: a displacement field, a twist angle, or a dielectric constant by
        :meth:`MeanField.rescaled`. Two are kept in memory.
    bounds
        Values of the parameter; the first state should be the lowest at the first, the second at the second.
    guesses
        Guess of the first state at the first bound and of the second at the second bound, as in
        :func:`solve_hartree_fock`.
    filling, symmetry, settings
        As in :func:`ground_state`.
    tolerance
        Error of the boundary, in the unit of the bounds.

    Raises
    ------
    InputError
        If the bounds are equal, the tolerance is not positive, or both guesses give the same state.
    """
    require(bounds[0] != bounds[1], "bounds", "be two different values", bounds)
    require(tolerance > 0, "tolerance", "be positive", tolerance)
    lenient = replace(settings, strict=False)
    fields = [mean_field_at(bound) for bound in bounds]
    first, second = (
        ground_state(mean_field, filling, (guess,), symmetry, settings=lenient).best
        for mean_field, guess in zip(fields, guesses, strict=True)
    )
    own = (_Point(bounds[0], fields[0], (first, None)), _Point(bounds[1], fields[1], (None, second)))
    low, high = (_followed(point.at, point.mean_field, own, lenient) for point in own)
    points = [low, high]
    if low.difference < 0 or high.difference > 0 or (low.merged and high.merged):
        return _summary(points, (first, second), "one phase" if low.merged else "none", float("nan"), float("nan"))
    while abs(high.at - low.at) > tolerance and len(points) < _MOST_POINTS:
        at = _next_value(low, high, bisect=len(points) % 4 == 0)
        point = _followed(at, mean_field_at(at), (low, high), lenient)
        points.append(point)
        low, high = (point, high) if point.difference > 0 or point.states[1] is None else (low, point)
        if abs(point.difference / _slope(low, high)) < tolerance / 2:  # false where a state is missing
            break
    lost = (high.states[0] is None, low.states[1] is None)
    if not any(lost):
        nearest, slope = min((low, high), key=lambda point: abs(point.difference)), _slope(low, high)
        step = nearest.difference / slope
        error = abs(step) + _ENERGY_ERROR_MEV / abs(slope)
        return _summary(points, (first, second), "crossing", nearest.at - step, error, slope)
    middle, width = (low.at + high.at) / 2, abs(high.at - low.at) / 2
    return _summary(points, (first, second), _ENDS[lost], middle, width)


def _followed(at: float, mean_field: MeanField, sources: tuple[_Point, _Point], settings: ScfSettings) -> _Point:
    """Both states at one point, each followed from the nearest source that has it, or taken from a source there."""
    states: list[HartreeFockResult | None] = []
    kept: list[float] = []
    for which in (0, 1):
        source = min((p for p in sources if p.states[which] is not None), key=lambda p: abs(p.at - at))
        state, overlap = _continued(source, which, at, mean_field, settings)
        states.append(state)
        kept.append(overlap)
    first, second = states
    merged = first is not None and second is not None and are_equal(first, second)
    if merged:  # the one that changed is lost
        states[int(kept[1] < kept[0])] = None
    return _Point(at, mean_field, (states[0], states[1]), merged)


def _continued(
    source: _Point, which: int, at: float, mean_field: MeanField, settings: ScfSettings
) -> tuple[HartreeFockResult | None, float]:
    """A state of a source at another point, None if it is lost there, and its overlap with its start per carrier."""
    state = source.states[which]
    if state is None or source.at == at:
        return state, 1.0
    start = transferred(state.density_matrix, source.mean_field, mean_field)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a state may cease to exist
        found = solve_hartree_fock(mean_field, state.filling, start, state.symmetry, settings=settings)
    kept = valley_overlap(mean_field.orbitals, start, found.density_matrix) / state.n_particles
    return (replace(found, guess=state.guess) if found.converged and kept > _FOLLOWED else None), kept


def _next_value(low: _Point, high: _Point, bisect: bool) -> float:
    """Zero of the line through both differences; the middle of the bracket where one is missing, or on request."""
    fraction = low.difference / (low.difference - high.difference)
    return low.at + (0.5 if bisect or np.isnan(fraction) else fraction) * (high.at - low.at)


def _slope(low: _Point, high: _Point) -> float:
    return (high.difference - low.difference) / (high.at - low.at)


def _summary(
    points: list[_Point],
    ends: tuple[HartreeFockResult, HartreeFockResult],
    kind: Kind,
    value: float,
    uncertainty: float,
    slope: float = float("nan"),
) -> Crossing:
    table = sorted((point.at, point.difference) for point in points)
    together = [point for point in points if not np.isnan(point.difference)]
    states = ends
    if together and not np.isnan(value):
        first, second = min(together, key=lambda point: abs(point.at - value)).states
        if first is not None and second is not None:
            states = (first, second)
    return Crossing(value, uncertainty, kind, slope, tuple(table), states)
