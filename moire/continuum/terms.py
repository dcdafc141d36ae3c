"""The terms of the two-layer model of arXiv:2308.07488, Eq. (1), each as rows of harmonics.

H_K = [[-hbar^2 (k - kappa_+)^2 / 2m* + Delta_b + D/2, Delta_T],
       [Delta_T^+, -hbar^2 (k - kappa_-)^2 / 2m* + Delta_t - D/2]].

The second harmonics of arXiv:2403.17003 are further rows.
"""

from __future__ import annotations

import numpy as np

from moire._types import checked
from moire.continuum.harmonics import BOTTOM, TOP, Harmonic, HarmonicTable, with_conjugates
from moire.parameters import ContinuumParameters
from moire.units import HBAR2_OVER_2ME

# Integer coordinates in (b_1, b_2). First shell G_1 .. G_6, 60 degrees apart; second one |g| = sqrt(3) |G_1|.
FIRST_SHELL = np.array([[1, 0], [0, 1], [-1, 1], [-1, 0], [0, -1], [1, -1]])
SECOND_SHELL = FIRST_SHELL + np.roll(FIRST_SHELL, -1, axis=0)
# Plane-wave transfers d of <b, k+G+d| Delta_T |t, k+G>: 0, -G_2, -G_3 in the first shell.
TUNNELLING_TRANSFERS = np.array([[0, 0], [0, -1], [1, -1]])
# -2 d - (3 kappa_- - 3 kappa_+): minus twice the first transfers, measured from kappa_- - kappa_+.
SECOND_TUNNELLING_TRANSFERS = -2 * TUNNELLING_TRANSFERS - np.array([-1, 2])


@checked
def kinetic(effective_mass: float) -> list[Harmonic]:
    """-hbar^2 p^2 / 2m* in both layers, p_+ p_- = p^2; the mass in units of the electron mass."""
    amplitude = -float(HBAR2_OVER_2ME / effective_mass)
    return [Harmonic((0, 0), layer, layer, amplitude, powers=(1, 1)) for layer in (BOTTOM, TOP)]


@checked
def displacement(displacement_mev: float) -> list[Harmonic]:
    """+D/2 in layer b and -D/2 in layer t."""
    return [Harmonic((0, 0), layer, layer, sign * displacement_mev / 2) for layer, sign in ((BOTTOM, 1), (TOP, -1))]


@checked
def Delta_b(p: ContinuumParameters) -> list[Harmonic]:
    """2 V sum_{i=1,3,5} cos(G_i.r + phi) + 2 V_2 sum_{i=1,3,5} cos(g_i.r) in layer b."""
    return _layer_potential(BOTTOM, p.potential_mev, p.potential_phase_deg, p.second_potential_mev)


@checked
def Delta_t(p: ContinuumParameters) -> list[Harmonic]:
    """2 V sum_{i=1,3,5} cos(G_i.r - phi) + 2 V_2 sum_{i=1,3,5} cos(g_i.r) in layer t."""
    return _layer_potential(TOP, p.potential_mev, -p.potential_phase_deg, p.second_potential_mev)


@checked
def Delta_T(p: ContinuumParameters) -> list[Harmonic]:
    """Tunnelling from t to b, w (1 + exp(-i G_2.r) + exp(-i G_3.r)), and w_2 with minus twice these transfers."""
    first = [Harmonic((a, b), BOTTOM, TOP, p.tunnelling_mev) for a, b in TUNNELLING_TRANSFERS]
    second = [Harmonic((a, b), BOTTOM, TOP, p.second_tunnelling_mev) for a, b in SECOND_TUNNELLING_TRANSFERS]
    return first + second


@checked
def harmonic_table(p: ContinuumParameters) -> HarmonicTable:
    """Table of a set of material parameters."""
    return HarmonicTable(p.name, (*kinetic(p.effective_mass), *Delta_b(p), *Delta_t(p), *with_conjugates(Delta_T(p))))


def _layer_potential(layer: int, potential_mev: float, phase_deg: float, second_mev: float) -> list[Harmonic]:
    """2 V cos(G.r + phi) is V exp(i phi) exp(i G.r) and its conjugate, at -G."""
    amplitude = potential_mev * complex(np.exp(1j * np.radians(phase_deg)))
    first = [Harmonic((a, b), layer, layer, amplitude) for a, b in FIRST_SHELL[::2]]
    second = [Harmonic((a, b), layer, layer, second_mev) for a, b in SECOND_SHELL[::2]]
    return with_conjugates(first + second)
