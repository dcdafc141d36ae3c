"""Fit of the continuum model to band energies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moire._arrays import FloatArray
from moire._types import checked
from moire.bands import solve_bands
from moire.continuum import ContinuumModel, PlaneWaveBasis
from moire.continuum.symmetry import Component, with_amplitudes
from moire.errors import InputError, require
from moire.fitting.problem import LinearBands
from moire.fitting.result import BandFit
from moire.fitting.solver import WeightedEnergies, covariance_of, least_squares_fit, screened_starts, with_offset
from moire.fitting.terms import components_of, parameter_set, physical, values_of
from moire.grids import MomentumGrid
from moire.lattice import MoireLattice
from moire.parameters import ContinuumParameters
from moire.topology import chern_number
from moire.units import HBAR2_OVER_2ME

_SAME_MINIMUM = 1e-3  # relative, of the sum of squares
_CHERN_MESH = 12


@checked
def fit_continuum(
    energies: FloatArray,
    momenta: FloatArray,
    lattice: MoireLattice,
    *,
    terms: Sequence[str] = ("mass", "V", "w"),
    components: Sequence[Component] | None = None,
    start: ContinuumParameters | FloatArray | None = None,
    errors_mev: FloatArray | float | None = None,
    chern: int | None = None,
    plane_wave_shells: float = 4.0,
    name: str = "FIT",
) -> BandFit:
    """Fit the two-layer model of valley K at D = 0 to energies of its top bands.

    H is a sum of real parameters times fixed matrices, so that the derivatives of the energies are expectation values
    and the Jacobian is exact. The zero of energy is fitted too.

    Parameters
    ----------
    energies
        (k, band) in meV, the top band first; NaN where a band is not to be fitted.
    momenta
        (k, 2) in 1/nm, in the moire zone of valley K.
    lattice
        Moire lattice of the bands.
    terms
        Terms of the model that are fitted, of ``mass``, ``V`` (with its phase), ``w``, ``V2``, ``w2``; the others are
        zero.
    components
        Parameters of one's own instead of `terms`, for any harmonics: see
        :func:`moire.continuum.symmetry.symmetric_components`.
    start
        Where to begin: a parameter set, or values of the components. By default a grid of starting points is tried
        with few plane waves, and the best of them are followed.
    errors_mev
        Standard deviation of the energies, a number or (k, band): weights, and absolute errors of the parameters.
    chern
        Chern number of the top band in valley K, if known: it fixes the sign of phi, which no energy depends on.
    plane_wave_shells
        Cutoff of the model.
    name
        Name of the model.

    Raises
    ------
    InputError
        If shapes, terms or units cannot be right, there are fewer energies than parameters, or no sign of phi gives
        the Chern number.
    MemoryRefusedError
        If the Hamiltonians do not fit in memory.
    """
    own = components is not None
    require(
        not own or start is not None, "start", "be given with `components`, whose scales are unknown", found="is not"
    )
    parts = tuple(components) if components is not None else components_of(terms)
    data, points = _checked(energies, momenta, lattice, errors_mev, len(parts))
    bands = LinearBands(parts, PlaneWaveBasis(lattice, plane_wave_shells), points, data.energies.shape[1])
    starts = screened_starts(bands, data) if start is None else [with_offset(bands, data, _given(start, parts))]
    found = [least_squares_fit(bands, data, x) for x in starts]
    best = min(found, key=lambda result: float(result.cost))
    part_names = tuple(part.name for part in parts)
    covariance, free = covariance_of(best, data.n_known, (*part_names, "offset"), errors_mev is None)
    names, signs, slopes = part_names, np.ones(len(parts)), np.eye(len(parts))
    how = "Energies are the same for the complex conjugate of all amplitudes, with opposite Chern numbers."
    if not own:
        signs, how = _signs(parts, best.x[:-1], lattice, plane_wave_shells, chern)
    values = signs * best.x[:-1]
    numbers = values
    if not own:
        names, numbers, slopes = physical(values, parts)
    spread = (slopes * signs) @ covariance @ (slopes * signs).T
    errors = np.sqrt(np.diag(spread))
    scale = np.where(errors > 0, errors, 1.0)
    lattice_constant = 2 * lattice.period_nm * np.sin(np.radians(lattice.twist_deg) / 2)
    residuals = bands.solve(best.x[:-1])[0] + best.x[-1] - data.energies
    return BandFit(
        names=names,
        values=numbers,
        errors=errors,
        correlation=spread / np.outer(scale, scale),
        offset_mev=float(best.x[-1]),
        residuals=np.where(data.weights > 0, residuals, np.nan),
        undetermined=free,
        parameters=None if own else parameter_set(names, numbers, float(lattice_constant), name),
        table=with_amplitudes(parts, values.tolist(), name),
        n_starts=len(found),
        n_reached=int(sum(result.cost <= (1 + _SAME_MINIMUM) * best.cost + 1e-12 for result in found)),
        converged=bool(best.success),
        stop_reason=str(best.message),
        sign=how,
    )


def _checked(
    energies: FloatArray, momenta: FloatArray, lattice: MoireLattice, errors_mev: FloatArray | float | None, n: int
) -> tuple[WeightedEnergies, FloatArray]:
    data, points = np.asarray(energies, dtype=float), np.asarray(momenta, dtype=float)
    require(data.ndim == 2, "energies", "have shape (k, band)", found=f"have shape {data.shape}")
    right = points.shape == (len(data), 2)
    require(right, "momenta", f"have shape ({len(data)}, 2)", found=f"have shape {points.shape}")
    known = np.isfinite(data)
    rule = f"be more numbers than the {n + 1} parameters"
    require(known.sum() > n + 1, "energies", rule, found=f"are {known.sum()}")
    falling = np.diff(data, axis=1) <= 1e-9
    ordered = np.all(falling | ~np.isfinite(np.diff(data, axis=1)))
    require(ordered, "energies", "have the top band first at every momentum", found="rise with the band")
    span = float(np.nanmax(data) - np.nanmin(data))
    scale = float(HBAR2_OVER_2ME * lattice.reciprocal_length**2)
    rule = f"be in meV, of the size of {scale:.3g} meV, the kinetic energy of a free electron at G"
    require(1e-2 * scale < span < 1e3 * scale, "energies", rule, found=f"span {span:.3g}")
    errors = np.broadcast_to(1.0 if errors_mev is None else np.asarray(errors_mev, dtype=float), data.shape)
    require(np.all(errors > 0), "errors_mev", "be positive", found=f"have the minimum {np.min(errors):g}")
    return WeightedEnergies(np.where(known, data, 0.0), np.where(known, 1 / errors, 0.0)), points


def _given(start: ContinuumParameters | FloatArray, parts: Sequence[Component]) -> FloatArray:
    """Values of a start."""
    if isinstance(start, ContinuumParameters):
        return values_of(start, parts)
    values = np.asarray(start, dtype=float)
    require(values.shape == (len(parts),), "start", f"have {len(parts)} values", found=f"has shape {values.shape}")
    return values


def _signs(
    parts: Sequence[Component], values: FloatArray, lattice: MoireLattice, shells: float, chern: int | None
) -> tuple[FloatArray, str]:
    """Signs of the values: w < 0, and phi < 0 or so that the top band has the Chern number; and how that was chosen."""
    place = {component.name: i for i, component in enumerate(parts)}
    signs = np.ones(len(parts))
    if "w" in place and values[place["w"]] > 0:  # the sign of the wave functions of one layer
        signs[[place[name] for name in ("w", "w2") if name in place]] = -1
    if "Im V" not in place:
        return signs, "There is no phase phi in this fit."
    phase = place["Im V"]
    signs[phase] = -1 if values[phase] > 0 else 1
    if chern is None:
        return signs, "No energy depends on the sign of phi, which is negative here; a Chern number would fix it."
    model = ContinuumModel(with_amplitudes(parts, (signs * values).tolist(), "fit"), PlaneWaveBasis(lattice, shells))
    bands = solve_bands(model, MomentumGrid.regular(lattice, _CHERN_MESH, _CHERN_MESH), 2)
    found = round(chern_number(bands, [0]).value)
    if abs(found) != abs(chern):
        raise InputError(f"`chern` must be {found} or {-found}, those of the fitted top band, but is {chern}.")
    if found != chern:
        signs[phase] *= -1
    return signs, f"The sign of phi is that of a top band with C = {chern}."
