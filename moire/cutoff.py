"""Plane-wave cutoff: estimate of its error, warning, and default as a function of the angle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire.bloch import PlaneWaveModel, TruncatedModel, is_truncated_model
from moire.errors import CutoffWarning, warn
from moire.lattice import MoireLattice
from moire.linalg.hermitian import extremal_eigenpairs
from moire.parameters import ContinuumParameters
from moire.units import HBAR2_OVER_2ME

CUTOFF_TOLERANCE_MEV = 1e-2
"""Shift of a band by the waves beyond the cutoff above which a warning is given, in meV."""
CONVERGED_MEV = 1e-3
"""Target error of the default cutoff and of the one advised by a warning, in meV."""
FEWEST_SHELLS = 5
_SHELLS_PER_ROOT = 4.1
_MOST_SHELLS = 12  # largest cutoff tried for the advice of a warning
_BLOCK = 64


def default_plane_wave_shells(parameters: ContinuumParameters, twist_deg: float) -> int:
    """Cutoff in units of |G_1| that keeps the top three bands within 0.001 meV (:data:`CONVERGED_MEV`).

    A band bound to the minima of a potential of depth U has the width (m* U)^(1/4) |G_1|^(1/2) in momentum, so the
    cutoff in units of |G_1| is proportional to (U / E_1)^(1/4) with E_1 = hbar^2 |G_1|^2 / 2m*, as twist_deg^(-1/2).
    The factor 4.1 with U = |V| + |w| + |V_2| + |w_2| is measured: it holds for every published set from 0.5 degrees,
    on the whole parallelogram of a regular grid. The smallest value is 5, which all sets have from 1.6 degrees.

    Parameters
    ----------
    parameters
        Material parameters.
    twist_deg
        Twist angle in degrees.
    """
    lattice = MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)
    kinetic = float(HBAR2_OVER_2ME / parameters.effective_mass * lattice.reciprocal_length**2)
    p = parameters
    depth: float = sum(map(abs, (p.potential_mev, p.tunnelling_mev, p.second_potential_mev, p.second_tunnelling_mev)))
    return max(FEWEST_SHELLS, math.ceil(_SHELLS_PER_ROOT * math.pow(depth / kinetic, 0.25)))


def cutoff_shifts(model: TruncatedModel, points: FloatArray, energies: FloatArray, states: ComplexArray) -> FloatArray:
    """Estimated shift of each level by the plane waves beyond the cutoff in meV, (k, band).

    A dropped wave p couples to the weight of a state u on the outermost shell, and repels the state by
    |<p|H|u>|^2 / (E - H_pp), here as for a pair of levels, which stays finite; the sum over p is returned. The error
    of a band is larger, by up to a half at 0.01 meV and twice at 1 meV, since dropped waves couple to further ones.

    Parameters
    ----------
    model
        The model.
    points
        Momenta in 1/nm, (k, 2).
    energies, states
        Levels in meV (k, band), and states (k, band, layer, G).
    """
    shifts = np.zeros(energies.shape)
    for start in range(0, len(points), _BLOCK):
        part = slice(start, start + _BLOCK)
        amplitudes = model.dropped_amplitudes(points[part], states[part])
        distance = energies[part, :, None] - model.dropped_energies(points[part])[:, None, :]
        if not model.top_band_first:  # the dropped waves lie above
            distance = -distance
        root = np.sqrt(distance**2 + 4 * np.abs(amplitudes) ** 2)
        far = distance > 0  # (root - distance) / 2 without cancellation
        shift = np.where(far, 2 * np.abs(amplitudes) ** 2 / np.where(far, root + distance, 1.0), (root - distance) / 2)
        shifts[part] = shift.sum(axis=-1)
    return shifts


def outer_weight(model: PlaneWaveModel, states: ComplexArray) -> FloatArray:
    """Weight of states (..., layer, G) on the outermost shell, |G| > (n - 1) |G_1|; (...)."""
    a, b = model.basis.vectors.T
    outer = a * a + b * b + a * b > (model.basis.plane_wave_shells - 1) ** 2 * (1 + 1e-12)
    weight: FloatArray = np.sum(np.abs(states[..., outer]) ** 2, axis=(-2, -1))
    return weight


def warn_of_cutoff(models: Sequence[object], points: FloatArray, energies: FloatArray, states: ComplexArray) -> None:
    """Warn once, about the level with the largest shift by the cutoff, if that is above :data:`CUTOFF_TOLERANCE_MEV`.

    Parameters
    ----------
    models
        One model per flavour; only a :class:`moire.bloch.TruncatedModel` gives the waves that its cutoff drops.
    points
        Momenta in 1/nm, (k, 2).
    energies, states
        (flavour, k, band) in meV, and (flavour, k, band, layer, G).

    Warns
    -----
    CutoffWarning
        With the model, the band, the shift, the weight on the outermost shell, and the sufficient cutoff.
    """
    worst = 0.0
    for model, levels, vectors in zip(models, energies, states, strict=True):
        if not is_truncated_model(model):
            continue
        shifts = cutoff_shifts(model, points, levels, vectors)
        point, band = (int(i) for i in np.unravel_index(int(np.argmax(shifts)), shifts.shape))
        if shifts[point, band] > max(worst, CUTOFF_TOLERANCE_MEV):
            worst, weight = float(shifts[point, band]), float(outer_weight(model, vectors[point, band]))
            found = model, points[point], band, levels.shape[1]
    if worst:
        model, k, band, n_bands = found
        warn(
            f"The plane-wave cutoff is too small for {model.name}: waves beyond it move band {band} by about "
            f"{worst:.1g} meV (weight {weight:.1g} on the outermost shell); {_advice(model, k, n_bands)}.",
            CutoffWarning,
        )


def warn_of_cutoff_at(model: PlaneWaveModel, points: FloatArray, n_bands: int) -> None:
    """Warn as :func:`warn_of_cutoff` does, about the bands nearest the gap at a few momenta, which are solved for it.

    Parameters
    ----------
    model
        The model.
    points
        Momenta in 1/nm, (k, 2).
    n_bands
        Number of bands.
    """
    if is_truncated_model(model):
        solved = [extremal_eigenpairs(model.hamiltonian(k), n_bands, largest=model.top_band_first) for k in points]
        energies = np.stack([levels for levels, _ in solved])
        states = np.stack([vectors for _, vectors in solved]).reshape(*energies.shape, *model.state_shape)
        warn_of_cutoff([model], points, energies[None], states[None])


def _advice(model: TruncatedModel, k: FloatArray, n_bands: int) -> str:
    """The cutoff that would keep the bands at `k`, found by solving them there."""
    for shells in range(math.floor(model.basis.plane_wave_shells) + 1, _MOST_SHELLS + 1):
        larger = model.at_cutoff(shells)
        energies, states = extremal_eigenpairs(larger.hamiltonian(k), n_bands, largest=model.top_band_first)
        states = states.reshape(1, n_bands, *larger.state_shape)
        if cutoff_shifts(larger, k[None], energies[None], states).max() <= CONVERGED_MEV:
            return f"{shells} plane_wave_shells would do"
    return f"more than {max(_MOST_SHELLS, math.floor(model.basis.plane_wave_shells))} plane_wave_shells are needed"
