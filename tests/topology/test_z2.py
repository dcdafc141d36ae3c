import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import moire as mo
from moire.topology import spin_chern_number, valley_chern_number, wilson_loops, z2_index
from tests.topology_cases import haldane, in_random_gauge, kane_mele, moire_model, solve, valley_bands

SPIN = np.diag([1.0, 1.0, -1.0, -1.0])  # states are (spin, sublattice)
CRITICAL = 3 * np.sqrt(3)  # of staggered / spin_orbit without Rashba


@given(ratio=st.floats(0, 10), spin_orbit=st.floats(0.03, 0.1), axis=st.sampled_from([0, 1]))
@settings(deadline=None, max_examples=12)
def test_kane_mele_phase_diagram_without_rashba(ratio, spin_orbit, axis):
    """Kane and Mele, Phys. Rev. Lett. 95, 146802: Z2 = 1 for staggered < 3 sqrt3 spin_orbit."""
    assume(abs(ratio - CRITICAL) > 1)
    bands = solve(kane_mele(ratio * spin_orbit, spin_orbit, rashba=0), 24)
    expected = int(ratio < CRITICAL)  # C_up = -1 for positive spin_orbit
    assert z2_index(bands, [0, 1], axis=axis).value == expected
    assert spin_chern_number(bands, [0, 1], SPIN).value == pytest.approx(-expected, abs=1e-9)


@pytest.mark.parametrize(("staggered", "expected"), [(0.1, 1), (0.2, 1), (0.4, 0), (-0.1, 1), (-0.4, 0)])
@pytest.mark.parametrize("rashba", [0.03, 0.08])
def test_kane_mele_with_rashba_by_three_routes(staggered, rashba, expected):
    """Spin is not conserved: half-zone flow along both axes, and the parity of the projected-spin Chern number."""
    bands = solve(kane_mele(staggered, 0.06, rashba), 24)
    for axis in (0, 1):
        result = z2_index(bands, [0, 1], axis=axis)
        assert result.is_reliable
        assert result.value == expected
    spin = spin_chern_number(bands, [0, 1], SPIN)
    assert 0.5 < spin.separation < 2 - 1e-6
    assert abs(round(spin.value)) == expected
    assert spin.total == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("staggered", "expected"), [(0.1, 1), (0.4, 0)])
def test_partner_switching_seen_in_the_flow(staggered, expected):
    """Followed over half the zone, the two branches of a Kramers pair part by 2 pi times an integer: its parity."""
    flow = wilson_loops(solve(kane_mele(staggered), 24), [0, 1]).flow
    assert np.ptp(flow[0]) == pytest.approx(0, abs=1e-9)
    assert round(np.ptp(flow[12]) / (2 * np.pi)) % 2 == expected
    assert np.ptp(flow[12]) == pytest.approx(2 * np.pi * expected, abs=1e-9)


def test_two_copies_of_kane_mele_are_trivial_together():
    """A group of four Kramers bands: Z2 adds modulo two."""
    bands = solve(kane_mele(), 24)
    twice = mo.solve_bands(bands.models * 2, bands.momenta, bands.n_bands)
    assert z2_index(twice, [0, 1], flavours=[0]).value == 1
    assert z2_index(twice, [0, 1]).value == 0


@pytest.mark.parametrize(("group", "expected"), [([0], 1), ([1], 1), ([2], 0), ([0, 1], 0)])
def test_two_valleys_together_agree_with_the_valley_chern_number(group, expected):
    """WANG_2023 at 3.89 degrees: C = -1, +1, 0 in valley K and the opposite in K', hence Z2 = 1, 1, 0."""
    bands = valley_bands()
    valley = valley_chern_number(bands, group)
    assert valley.total == pytest.approx(0, abs=1e-9)
    assert round(valley.value) % 2 == expected
    for axis in (0, 1):
        assert z2_index(bands, group, axis=axis).value == expected


def test_the_displacement_field_ends_the_spin_hall_phase():
    values = {}
    for field in (0.0, 40.0):
        models = [moire_model(valley, field) for valley in (1, -1)]
        bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 18, 18), 2)
        values[field] = z2_index(bands, [0]).value, valley_chern_number(bands, [0]).value
    assert values[0.0] == (1, pytest.approx(-1))
    assert values[40.0] == (0, pytest.approx(0))


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=8)
def test_gauge_invariance(seed):
    bands = solve(kane_mele(), 18)
    mixed = in_random_gauge(bands, seed, group=(0, 1))
    here, there = (z2_index(b, [0, 1]) for b in (bands, mixed))
    assert there.value == here.value == 1
    assert there.max_step == pytest.approx(here.max_step)
    assert there.smallest_gap == pytest.approx(here.smallest_gap)
    spins = [spin_chern_number(b, [0, 1], SPIN) for b in (bands, mixed)]
    assert spins[1].value == pytest.approx(spins[0].value)
    assert spins[1].separation == pytest.approx(spins[0].separation)
    valleys = valley_bands(6)
    mixed = in_random_gauge(valleys, seed)
    assert valley_chern_number(mixed, [0]).value == pytest.approx(valley_chern_number(valleys, [0]).value)


def test_broken_time_reversal_is_refused():
    with pytest.raises(mo.InputError, match="time-reversal symmetric"):
        z2_index(valley_bands(), [0, 1], flavours=[0])
    same = [moire_model(1), moire_model(1)]
    twice = mo.solve_bands(same, valley_bands().momenta, 2)
    with pytest.raises(mo.InputError, match="opposite momenta differ"):
        z2_index(twice, [0])


def test_bad_input():
    model = kane_mele()
    with pytest.raises(mo.InputError, match="even number of points"):
        z2_index(solve(model, 9), [0, 1])
    with pytest.raises(mo.InputError, match="no boundary phase"):
        z2_index(solve(model, 8, boundary_phase=(0.25, 0)), [0, 1])
    with pytest.raises(mo.InputError, match="Kramers pairs"):
        z2_index(solve(haldane(), 8), [0])
    with pytest.raises(mo.InputError, match="touches"):
        z2_index(solve(kane_mele(rashba=0), 8), [0, 2])
    with pytest.raises(mo.InputError, match="`spin` must have shape"):
        spin_chern_number(solve(model, 8), [0, 1], np.eye(2))
    with pytest.raises(mo.InputError, match="must split the group in two by a gap"):
        spin_chern_number(solve(model, 8), [0, 1], np.eye(4))


def test_a_coarse_mesh_is_said():
    """Near the transition a 10 x 10 mesh takes the topological phase for the trivial one, and says so."""
    with pytest.warns(mo.MeshWarning, match="too coarse"):
        assert z2_index(solve(kane_mele(0.2, 0.06, 0.01), 10), [0, 1]).value == 0
    assert z2_index(solve(kane_mele(0.2, 0.06, 0.01), 40), [0, 1]).value == 1
