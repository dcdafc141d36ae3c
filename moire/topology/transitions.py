"""Band inversions, gap closings and magic angles along a path of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq, minimize, minimize_scalar
from threadpoolctl import threadpool_limits

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import solve_bands
from moire.bloch import BlochModel, ThreefoldModel
from moire.continuum import ContinuumModel, PlaneWaveBasis
from moire.cutoff import default_plane_wave_shells, warn_of_cutoff_at
from moire.errors import is_whole, require
from moire.grids import MomentumGrid
from moire.lattice import MoireLattice
from moire.linalg.hermitian import extremal_eigenpairs
from moire.parameters import ContinuumParameters
from moire.topology.symmetry import c3_level_labels, signed_gap

Family = Callable[[float], ThreefoldModel]
"""A path of models: from the value of one parameter to the model."""


@checked
def displacement_family(
    parameters: ContinuumParameters, twist_deg: float, plane_wave_shells: float | None = None, valley: int = +1
) -> Family:
    """Models at one twist angle as a function of the displacement field in meV.

    Without `plane_wave_shells` the cutoff is :func:`moire.cutoff.default_plane_wave_shells`.
    """
    lattice = MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)
    shells = default_plane_wave_shells(parameters, twist_deg) if plane_wave_shells is None else plane_wave_shells
    basis = PlaneWaveBasis(lattice, shells)
    return lambda displacement_mev: ContinuumModel(parameters, basis, valley, displacement_mev)


@checked
def twist_family(
    parameters: ContinuumParameters,
    displacement_mev: float = 0.0,
    plane_wave_shells: float | None = None,
    valley: int = +1,
) -> Family:
    """Models at one displacement field as a function of the twist angle in degrees.

    Without `plane_wave_shells` the cutoff of each angle is :func:`moire.cutoff.default_plane_wave_shells`.
    """

    def at(twist_deg: float) -> ContinuumModel:
        lattice = MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)
        shells = default_plane_wave_shells(parameters, twist_deg) if plane_wave_shells is None else plane_wave_shells
        return ContinuumModel(parameters, PlaneWaveBasis(lattice, shells), valley, displacement_mev)

    return at


@checked
@dataclass(frozen=True, eq=False)
class Transition(Shown):
    """A special value of a parameter, found by a root finder or a minimiser.

    Parameters
    ----------
    kind
        "inversion", "gap closing" or "magic angle".
    value
        Position of the transition, in the unit of the family (degrees or meV).
    residual_mev
        Modulus of the gap at `value`, or the band width for a magic angle.
    momentum
        Momentum in 1/nm; nan for a magic angle.
    point
        Name of the high-symmetry point, or "" if the search was over the zone.
    band
        The upper band in counting order: it meets ``band + 1``, or it is the flat one.
    labels
        C3 labels of (band, band + 1) at the start of the bracket; empty without labels.
    bracket
        Interval that was searched.
    bounds
        Interval left at the end, or (value - tolerance, value + tolerance).
    converged, stop_reason, n_evaluations
        Whether it converged, the reason for stopping, and the number of evaluations.
    history
        Every evaluation (parameter, function in meV), (evaluation, 2), in order.
    model
        The model at `value`.
    """

    kind: str
    value: float
    residual_mev: float
    momentum: tuple[float, float]
    point: str
    band: int
    labels: tuple[int, ...]
    bracket: tuple[float, float]
    bounds: tuple[float, float]
    converged: bool
    stop_reason: str
    n_evaluations: int
    history: FloatArray = field(repr=False)
    model: str

    def __str__(self) -> str:
        where = self.point or f"k = ({self.momentum[0]:.5g}, {self.momentum[1]:.5g}) /nm"
        what = {
            "magic angle": f"band {self.band} is flattest, width {self.residual_mev:.4g} meV",
            "inversion": f"bands {self.band} and {self.band + 1} invert at {where}, gap {self.residual_mev:.2g} meV",
            "gap closing": f"gap below band {self.band} is smallest at {where}, {self.residual_mev:.2g} meV",
        }[self.kind]
        return (
            f"{what} at {self.value:.6g} in [{self.bracket[0]:g}, {self.bracket[1]:g}]: {self.stop_reason} after "
            f"{self.n_evaluations} evaluations"
        )


class _Recorded:
    """A function of one number that records its calls."""

    def __init__(self, function: Callable[[float], float]) -> None:
        self.function = function
        self.calls: list[tuple[float, float]] = []

    def __call__(self, x: float) -> float:
        value = self.function(float(x))
        self.calls.append((float(x), value))
        return value

    @property
    def history(self) -> FloatArray:
        return read_only(np.array(self.calls))


@checked
def find_inversion(
    family: Family, bracket: tuple[float, float], band: int, point: str, *, tolerance: float = 1e-6
) -> Transition:
    """Parameter at which `band` and ``band + 1`` exchange their C3 eigenvalues at a high-symmetry point.

    The signed quantity is the energy difference of the highest levels with the two C3 labels that the
    bands have at the start of the bracket: it is smooth through the inversion, and brentq finds its root.

    Parameters
    ----------
    family
        From the parameter to the model, e.g. :func:`displacement_family`.
    bracket
        Interval with one inversion inside.
    band
        Band 0 is the top one.
    point
        "gamma", "kappa_+" or "kappa_-".
    tolerance
        Of the parameter, in its unit.

    Raises
    ------
    InputError
        If the bracket is not increasing, the two bands have equal C3 labels at its start (they avoid each
        other), or their order is the same at both ends.
    """
    low, high = _check_bracket(bracket, tolerance)
    require(band >= 0 and is_whole(band), "band", "be a band, an integer of at least 0", band)
    start = c3_level_labels(family(low), point, band + 2)
    labels = (start[band], start[band + 1])
    require(
        labels[0] != labels[1],
        "band",
        f"differ in its C3 eigenvalue from the next at {point} (equal labels avoid each other)",
        f"{band} with labels {labels}",
    )
    rank = start[:band].count(labels[0]), start[:band].count(labels[1])
    function = _Recorded(lambda x: signed_gap(family(x), point, labels, rank))
    ends = function(low), function(high)
    require(
        ends[0] * ends[1] < 0,
        "bracket",
        f"enclose an inversion of bands {band} and {band + 1} at {point}",
        f"[{low}, {high}] with signed gaps {ends[0]:.4g} and {ends[1]:.4g} meV",
    )
    root, report = brentq(function, low, high, xtol=tolerance, full_output=True, disp=False)
    model = family(root)
    k = model.lattice.corners[point]
    warn_of_cutoff_at(model, k[None], band + 2)
    return Transition(
        "inversion",
        float(root),
        abs(function(root)),
        (float(k[0]), float(k[1])),
        point,
        band,
        labels,
        (low, high),
        (root - tolerance, root + tolerance),
        bool(report.converged),
        f"brentq: {report.flag}",
        len(function.calls),
        function.history,
        model.name,
    )


@checked
def direct_gap_over_zone(model: BlochModel, band: int, n_mesh: int = 12) -> tuple[float, FloatArray]:
    """Smallest gap in meV between `band` and the next over the zone, and its momentum in 1/nm.

    The three lowest local minima of a mesh that contains gamma, m and kappa are refined by Nelder-Mead.
    """
    require(n_mesh >= 6 and n_mesh % 6 == 0, "n_mesh", "be a multiple of 6, so that it holds gamma, m, kappa", n_mesh)
    bands = solve_bands(model, MomentumGrid.regular(model.lattice, n_mesh, n_mesh), band + 2)
    gaps = np.abs(bands.energies[0, :, band] - bands.energies[0, :, band + 1]).reshape(n_mesh, n_mesh)
    steps = [(0, 1), (1, 0), (-1, 1), (0, -1), (-1, 0), (1, -1)]
    lowest = np.min([np.roll(gaps, step, axis=(0, 1)) for step in steps], axis=0)
    minima = np.nonzero((gaps <= lowest + 1e-12).ravel())[0]
    minima = minima[np.argsort(gaps.ravel()[minima])][:3]

    def gap(k: FloatArray) -> float:
        energies, _ = extremal_eigenpairs(model.hamiltonian(k), band + 2, largest=model.top_band_first)
        return float(abs(energies[band] - energies[band + 1]))

    best_gap, best_k = np.inf, np.zeros(2)
    size = model.lattice.reciprocal_length / n_mesh
    for start in bands.momenta.points[minima]:
        simplex = start + 0.3 * size * np.array([[0, 0], [1, 0.2], [-0.2, 1]])
        options = {"initial_simplex": simplex, "xatol": 1e-7 * size, "fatol": 1e-8, "maxfev": 200}
        with threadpool_limits(1, user_api="blas"):
            found = minimize(gap, start, method="Nelder-Mead", options=options)
        for value, k in ((found.fun, found.x), (gap(start), start)):
            if value < best_gap:
                best_gap, best_k = float(value), k
    return best_gap, best_k


@checked
def find_gap_closing(
    family: Family,
    bracket: tuple[float, float],
    band: int,
    *,
    tolerance: float = 1e-4,
    gap_tolerance_mev: float = 0.01,
    n_mesh: int = 12,
) -> Transition:
    """Parameter at which the direct gap between `band` and the next, minimised over the zone, is smallest.

    Uses no symmetry: an independent route to an inversion, and the only one if bands meet at a general
    momentum. A gap that stays open is returned with ``converged = False``.

    Raises
    ------
    InputError
        If the bracket is not increasing or the band is out of range.
    """
    low, high = _check_bracket(bracket, tolerance)
    require(band >= 0 and is_whole(band), "band", "be a band, an integer of at least 0", band)
    function = _Recorded(lambda x: direct_gap_over_zone(family(x), band, n_mesh)[0])
    found = minimize_scalar(function, bounds=(low, high), method="bounded", options={"xatol": tolerance})
    value = float(found.x)
    gap, k = direct_gap_over_zone(family(value), band, n_mesh)
    if gap < gap_tolerance_mev:
        reason = "the gap closes"
    elif min(value - low, high - value) < 3 * tolerance:
        reason = f"the gap falls towards the end of the bracket ({gap:.3g} meV left)"
    else:
        reason = f"the gap stays open ({gap:.3g} meV)"
    return Transition(
        "gap closing",
        value,
        gap,
        (float(k[0]), float(k[1])),
        "",
        band,
        (),
        (low, high),
        (value - tolerance, value + tolerance),
        bool(found.success) and gap < gap_tolerance_mev,
        reason,
        len(function.calls),
        function.history,
        family(value).name,
    )


@checked
def find_magic_angle(
    parameters: ContinuumParameters,
    bracket: tuple[float, float],
    *,
    band: int = 0,
    displacement_mev: float = 0.0,
    plane_wave_shells: float | None = None,
    n_mesh: int = 12,
    n_scan: int = 7,
    tolerance: float = 1e-3,
) -> Transition:
    """Twist angle at which a band is flattest: a scan of the bracket, then a bounded minimisation.

    Parameters
    ----------
    parameters
        Material parameters.
    bracket
        Interval of twist angles in degrees.
    plane_wave_shells
        Plane-wave cutoff in units of |G_1|; by default that of each angle (:func:`twist_family`).
    n_mesh
        Points a side of the momentum mesh, a multiple of 6 so that it holds gamma, m and kappa.
    n_scan
        Angles of the scan; its lowest point and neighbours are the bracket of the minimisation.
    tolerance
        Of the angle in degrees.

    Raises
    ------
    InputError
        If the bracket is not increasing, or the mesh or the scan is too coarse.
    """
    low, high = _check_bracket(bracket, tolerance)
    require(n_mesh >= 6 and n_mesh % 6 == 0, "n_mesh", "be a multiple of 6, so that it holds gamma, m, kappa", n_mesh)
    require(n_scan >= 3, "n_scan", "be at least 3", n_scan)
    family = twist_family(parameters, displacement_mev, plane_wave_shells)

    def width(twist_deg: float) -> float:
        model = family(twist_deg)
        return solve_bands(model, MomentumGrid.regular(model.lattice, n_mesh, n_mesh), band + 1).width(band)

    function = _Recorded(width)
    angles = np.linspace(low, high, n_scan)
    best = int(np.argmin([function(angle) for angle in angles]))
    inner = angles[max(best - 1, 0)], angles[min(best + 1, n_scan - 1)]
    found = minimize_scalar(function, bounds=inner, method="bounded", options={"xatol": tolerance})
    inside = low + 2 * tolerance < found.x < high - 2 * tolerance
    reason = "minimum inside the bracket" if inside else "the width falls towards the end of the bracket"
    return Transition(
        "magic angle",
        float(found.x),
        float(found.fun),
        (np.nan, np.nan),
        "",
        band,
        (),
        (low, high),
        (found.x - tolerance, found.x + tolerance),
        bool(found.success) and inside,
        reason,
        len(function.calls),
        function.history,
        family(float(found.x)).name,
    )


def _check_bracket(bracket: tuple[float, float], tolerance: float) -> tuple[float, float]:
    low, high = (float(end) for end in bracket)
    require(low < high, "bracket", "be increasing", bracket)
    require(0 < tolerance < high - low, "tolerance", "be positive and smaller than the bracket", tolerance)
    return low, high
