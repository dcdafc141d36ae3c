from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.topology import (
    chern_number,
    converged_chern,
    minimise_direct_gap,
)
from tests.topology_cases import LATTICE, haldane, kane_mele, moire_model, solve

CRITICAL_MASS = 3 * np.sqrt(3) * 0.2
KAPPA = (1 / 3, 1 / 3)


class RandomGauge:
    """A model with a k-dependent diagonal unitary, periodic in k: other states, the same bands and topology."""

    def __init__(self, model, seed):
        self.model = model
        self.phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (3, *model.state_shape))

    def __getattr__(self, name):
        return getattr(self.model, name)

    def hamiltonian(self, k):
        x, y = 2 * np.pi * np.asarray(k) @ np.linalg.inv(self.lattice.reciprocal)
        unitary = np.exp(1j * (self.phases[0] * np.sin(x) + self.phases[1] * np.cos(y) + self.phases[2])).ravel()
        return unitary[:, None] * self.model.hamiltonian(k) * unitary.conj()


@pytest.mark.parametrize("distance", [1e-1, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize(("side", "expected"), [(-1, -1), (1, 0)])
@pytest.mark.parametrize("start", [5, 6])  # 6 puts a mesh point on the Dirac point, 5 does not
def test_haldane_arbitrarily_near_its_transition(distance, side, expected, start):
    """C = -1 below M = 3 sqrt3 t2 and 0 above, at the cost of a few points per halving of the gap."""
    result = converged_chern(haldane(CRITICAL_MASS + side * distance), [0], start=start)
    assert result.converged
    assert result.value == pytest.approx(expected, abs=1e-9)
    assert result.smallest_gap.gap_mev == pytest.approx(2 * distance, rel=1e-2)
    assert result.smallest_gap.fractional == pytest.approx(KAPPA, abs=1e-3)
    assert result.n_diagonalizations < 400
    assert result.min_link > 0.8
    assert result.max_flux < 1.0


@given(mass=st.floats(-2, 2), t2=st.floats(0.1, 0.4), phi=st.floats(-3.0, 3.0), start=st.integers(4, 9))
@settings(deadline=None, max_examples=25)
def test_the_haldane_phase_diagram(mass, t2, phi, start):
    """Haldane 1988, Fig. 2: |C| = 1 for |M| < 3 sqrt3 |t2 sin phi|, sign of -sin phi; however near the boundary."""
    boundary = 3 * np.sqrt(3) * t2 * np.sin(phi)
    if min(abs(mass - boundary), abs(mass + boundary)) < 1e-5:
        return
    result = converged_chern(haldane(mass, t2, phi), [0], start=start)
    assert result.converged
    assert result.rounded == (-np.sign(boundary) if abs(mass) < abs(boundary) else 0)


def test_a_mesh_of_several_sizes_closes_exactly():
    """The fluxes sum to an integer although split and unsplit plaquettes share edges; areas sum to the zone."""
    result = converged_chern(haldane(CRITICAL_MASS - 1e-3), [0], start=5)
    sides = result.plaquettes[:, 2]
    assert len(np.unique(sides)) > 4
    assert np.sum(sides**2) == pytest.approx(1, abs=1e-12)
    assert result.flux.sum() / (2 * np.pi) == pytest.approx(-1, abs=1e-9)
    # Half of the flux, pi, sits within the hot spot around the Dirac point.
    near = np.linalg.norm(result.plaquettes[:, :2] + sides[:, None] / 2 - KAPPA, axis=1) < 0.02
    assert result.flux[near].sum() == pytest.approx(-np.pi, abs=0.2)


@pytest.mark.parametrize(("model", "group"), [(haldane(0.5), [0]), (kane_mele(0.1, 0.15, 0.05), [0, 1])])
def test_an_easy_band_needs_no_refinement(model, group):
    result = converged_chern(model, group, start=16)
    assert len(result.history) == 1
    assert np.allclose(result.flux.reshape(16, 16), chern_number(solve(model, 16), group).flux, atol=1e-10)


@dataclass(frozen=True)
class DoubleCrossing:
    """H = Re q^2 s_x + Im q^2 s_y + (m - cos x - cos y) s_z, q = sin x + i sin y: C = -+2 for 0 < m < 2, 0 beyond."""

    mass: float
    lattice: object = LATTICE
    state_shape: tuple = (1, 2)
    top_band_first: bool = False
    name: str = "double crossing"

    def hamiltonian(self, k):
        x, y = self.lattice.primitive @ k - np.array([0.7, 0.4])  # keeps the crossing off the meshes
        square = (np.sin(x) + 1j * np.sin(y)) ** 2
        height = self.mass - np.cos(x) - np.cos(y)
        return np.array([[height, square.conjugate()], [square, -height]])

    def sew(self, states, reciprocal):
        return states


@pytest.mark.parametrize("start", [4, 6, 7])
def test_a_crossing_of_charge_two_inside_one_plaquette_is_seen(start):
    """Its flux of +-2 pi is zero modulo 2 pi: the links show it."""
    inside, outside = (converged_chern(DoubleCrossing(2 + d), [0], start=start) for d in (-1e-3, 1e-3))
    assert inside.converged
    assert outside.converged
    assert abs(inside.rounded) == 2
    assert outside.rounded == 0
    # E^2 = (d + r^2/2)^2 + r^4: smallest at r = 0 for d > 0, and 0.8 d^2 on the ring r^2 = -0.4 d for d < 0.
    assert outside.smallest_gap.gap_mev == pytest.approx(2e-3, rel=1e-3)
    assert inside.smallest_gap.gap_mev == pytest.approx(2e-3 * np.sqrt(0.8), rel=1e-3)
    assert inside.rounded == chern_number(solve(DoubleCrossing(1.0), 24), [0]).rounded


def test_the_displacement_driven_closing_of_wang():
    """WANG_2023 at 3.89 degrees: the top gap closes at kappa near D = 24 meV (+-0.5, from earlier codes)."""
    below, above = (converged_chern(moire_model(1, field), [0], start=6) for field in (23.5, 24.5))
    assert below.converged
    assert above.converged
    assert below.rounded == -1
    assert above.rounded == 0
    for result in (below, above):
        assert result.smallest_gap.gap_mev < 1
        assert result.smallest_gap.fractional == pytest.approx(KAPPA, abs=1e-3)
    other = converged_chern(moire_model(-1, 23.5), [0], start=6)
    assert other.rounded == 1


@pytest.mark.slow
def test_at_the_closing_the_refusal_says_where():
    """The signed gap at kappa is linear in D: its zero is the critical field, where the bands touch."""
    low, high = (converged_chern(moire_model(1, field), [0], start=6).smallest_gap.gap_mev for field in (23.5, 24.0))
    critical = 23.5 + 0.5 * low / (low + high)
    for _ in range(3):  # regula falsi on either side of a linear crossing
        here = minimise_direct_gap(moire_model(1, critical), [0], KAPPA).gap_mev
        slope = (low + high) / 0.5
        trial = [critical + sign * here / slope for sign in (1, -1)]
        critical = min(trial, key=lambda field: minimise_direct_gap(moire_model(1, field), [0], KAPPA).gap_mev)
    assert critical == pytest.approx(23.78, abs=0.03)
    with pytest.raises(mo.InputError, match=r"bands 0 and 1 at k = \+0\.333\d b_1 \+0\.333\d b_2"):
        converged_chern(moire_model(1, critical), [0], start=6, touching_mev=1e-3)


def test_too_few_points_are_said():
    with pytest.warns(mo.ConvergenceWarning, match="more than 60 points") as caught:
        result = converged_chern(haldane(CRITICAL_MASS - 1e-4), [0], start=5, max_points=60)
    assert not result.converged
    assert "k = +0.3" in result.stop_reason
    assert result.smallest_gap.gap_mev == pytest.approx(2e-4, rel=1e-2)
    assert str(result) in str(caught[0].message)
    assert result.history[-1].n_flagged > 0


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=6)
def test_gauge_invariance(seed):
    model = haldane(CRITICAL_MASS - 0.02)
    here, there = (converged_chern(m, [0], start=6) for m in (model, RandomGauge(model, seed)))
    assert there.rounded == here.rounded == -1
    assert there.smallest_gap.gap_mev == pytest.approx(here.smallest_gap.gap_mev, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"band_indices": [2]}, "`band_indices` must be distinct"),
        ({"band_indices": [0, 0]}, "`band_indices` must be distinct"),
        ({"band_indices": []}, "`band_indices` must be distinct"),
        ({"start": 1}, "`start` must be at least 2"),
        ({"min_link": 1.5}, "`min_link`"),
        ({"max_flux": 4}, "`max_flux`"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(mo.InputError, match=message):
        converged_chern(**{"model": haldane(), "band_indices": [0], **arguments})
