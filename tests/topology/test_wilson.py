import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.topology import chern_from_wilson, chern_number, wilson_loops
from moire.topology.wilson import continue_phases
from tests.topology_cases import IdealModel, haldane, in_random_gauge, kane_mele, moire_model, solve, valley_bands

FEW = settings(deadline=None, max_examples=10)
CRITICAL_MASS = 3 * np.sqrt(3) * 0.2


def circular(phases):
    return np.exp(1j * np.sort(phases, axis=-1))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (haldane(0.2), -1),
        (haldane(-0.2, phi=-np.pi / 2), 1),
        (haldane(2.0), 0),
        (IdealModel(0.5, 1), -2),
        (IdealModel(0.5, -1), 2),
    ],
)
def test_winding_gives_the_chern_number_with_its_sign(model, expected, axis):
    bands = solve(model, 24, boundary_phase=(0.5, 0.5))
    assert chern_from_wilson(bands, [0], axis=axis) == pytest.approx(expected, abs=1e-9)
    assert chern_number(bands, [0]).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("axis", [0, 1])
def test_both_valleys_of_the_moire_model_by_winding(axis):
    bands = valley_bands()
    for flavour, sign in ((0, 1), (1, -1)):
        for group, expected in (([0], -1), ([1], 1), ([2], 0), ([0, 1], 0)):
            assert wilson_loops(bands, group, flavour, axis).chern == pytest.approx(sign * expected, abs=1e-9)


def test_steps_are_the_curvature_of_a_strip():
    """d theta = int Omega over the strip between two loops, by the Kubo curvature: a route without links."""
    bands = solve(haldane(0.5), 60)
    flux = mo.topology.berry_curvature(bands, [0]).flux.reshape(60, 60)
    for axis in (0, 1):
        loops = wilson_loops(bands, [0], axis=axis)
        per_loop = flux.sum(axis=axis) * (1 if axis == 1 else -1)
        strips = (per_loop + np.roll(per_loop, -1)) / 2  # trapezoid between neighbouring loops
        assert np.abs(strips).max() > 0.1
        assert np.allclose(loops.steps, strips, atol=0.02 * np.abs(strips).max())


@pytest.mark.parametrize(("mass", "atom"), [(1e4, 1), (-1e4, 0)])
def test_centres_of_an_atomic_limit_sit_on_the_atoms(mass, atom):
    """A huge staggered potential localises the lower band on one atom: the sign and the origin of the phases."""
    model = haldane(mass)
    position = model.positions[atom] @ np.linalg.inv(model.lattice.primitive)  # in units of a_1 and a_2
    for axis in (0, 1):
        centres = wilson_loops(solve(model, 8), [0], axis=axis).centres
        assert np.abs(np.exp(2j * np.pi * (centres - position[axis])) - 1).max() < 1e-3


@given(seed=st.integers(0, 2**32 - 1), axis=st.sampled_from([0, 1]))
@FEW
def test_gauge_invariance(seed, axis):
    bands = valley_bands(6)
    here = wilson_loops(bands, [0, 1], axis=axis)
    there = wilson_loops(in_random_gauge(bands, seed, group=(0, 1)), [0, 1], axis=axis)
    assert np.ptp(here.phases) > 0.5
    # The phases sit on a circle: compare the characteristic polynomials of the loops.
    for x, y in zip(here.phases, there.phases, strict=True):
        assert np.allclose(np.poly(np.exp(1j * x)), np.poly(np.exp(1j * y)), atol=1e-10)
    assert there.min_singular_value == pytest.approx(here.min_singular_value)
    assert there.chern == pytest.approx(here.chern, abs=1e-9)


@given(
    phases=st.lists(st.floats(0, 2 * np.pi), min_size=1, max_size=5),
    turns=st.integers(-3, 3),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=50)
def test_branches_follow_small_motions_and_windings(phases, turns, seed):
    rng = np.random.default_rng(seed)
    ordered = np.sort(phases)
    gaps = np.diff(ordered, append=ordered[0] + 2 * np.pi)
    previous = rng.permutation(ordered) + 2 * np.pi * turns
    moved = previous + 0.2 * gaps.min() * rng.uniform(-1, 1, len(previous))
    lifted = continue_phases(previous, rng.permutation(np.mod(moved, 2 * np.pi)))
    assert np.allclose(lifted, moved, atol=1e-9)


def test_flow_is_continuous_and_closes_on_itself():
    bands = solve(kane_mele(), 24)
    loops = wilson_loops(bands, [0, 1])
    flow = loops.flow
    assert flow.shape == (25, 2)
    assert np.abs(np.diff(flow, axis=0)).max() < np.pi / 2
    assert np.allclose(circular(np.mod(flow[-1], 2 * np.pi)), circular(loops.phases[0]), atol=1e-9)
    assert np.sum(flow[-1] - flow[0]) == pytest.approx(2 * np.pi * loops.chern, abs=1e-9)
    assert np.ptp(flow) > np.pi
    chern = wilson_loops(solve(haldane(0.2), 24), [0])
    assert chern.flow[-1, 0] - chern.flow[0, 0] == pytest.approx(-2 * np.pi, abs=1e-9)


def test_a_coarse_mesh_is_said():
    """Near the transition a 6 x 6 mesh winds wrongly, and says so; a finer one is right."""
    model = haldane(0.9 * CRITICAL_MASS)
    with pytest.warns(mo.MeshWarning, match="too coarse"):
        assert chern_from_wilson(solve(model, 6, boundary_phase=(0.5, 0.5)), [0]) == pytest.approx(0, abs=1e-9)
    assert chern_from_wilson(solve(model, 32, boundary_phase=(0.5, 0.5)), [0]) == pytest.approx(-1)


def test_bad_input():
    bands = solve(haldane(), 4)
    with pytest.raises(mo.InputError, match="`axis` must be 0"):
        wilson_loops(bands, [0], axis=2)
    with pytest.raises(mo.InputError, match="`band_indices`"):
        wilson_loops(bands, [2])
    with pytest.raises(mo.InputError, match="`flavour`"):
        wilson_loops(bands, [0], flavour=1)
    touching = solve(haldane(CRITICAL_MASS), 6)
    with pytest.raises(mo.InputError, match=r"bands 0 and 1 at k = \+0\.[36]"):
        wilson_loops(touching, [0])
    model = moire_model()
    tilted = mo.MomentumGrid.cluster(model.lattice, [[6, 3], [-3, 3]])
    with pytest.raises(mo.InputError, match="regular"):
        wilson_loops(mo.solve_bands(model, tilted, 1), [0])
