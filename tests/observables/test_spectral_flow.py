"""Spectral flow: what one flux quantum does to levels and labels."""

import numpy as np
import pytest

import moire as mo
from moire.observables import LabelShift, at_boundary_phase, spectral_flow
from tests.flavour_cases import flavour_problem


@pytest.fixture(scope="module")
def problem(build_model, coulomb):
    """Return a function shape -> problem at 3.7 degrees with 5 shells, |q| <= 2 |G_1|."""
    model = build_model("WANG_2023", 3.7, shells=5)

    def build(shape):
        grid = mo.MomentumGrid.cluster(model.lattice, shape)
        return mo.project(mo.solve_bands(model, grid, n_bands=1), coulomb, "hole", 2.0)

    return build


@pytest.mark.parametrize(
    ("shape", "filling", "direction", "permutation"),
    [
        ([3, 4], (2, 3), 1, (2, 0, 1)),
        ([3, 4], (2, 3), 2, (0, 1, 2)),
        pytest.param([3, 5], (3, 5), 2, (4, 0, 1, 2, 3), marks=pytest.mark.slow),
        ([[4, 2], [-2, 2]], (2, 3), 1, (1, 2, 0)),
    ],
)
def test_the_manifold_flows_into_itself(problem, shape, filling, direction, permutation):
    flow = spectral_flow(problem(shape), filling, direction, n_steps=6)
    assert flow.permutation == permutation
    assert flow.min_gap > 2.0 > flow.max_splitting > 1e-4
    assert flow.closure_mev < 1e-6
    assert flow.min_link > 0.9
    assert flow.converged
    assert flow.every_sector
    assert np.isfinite(flow.energies[:, :, 0]).all()
    order = len(permutation) if permutation[0] else 1
    assert flow.period == order
    assert "returns to itself after " + ("one flux quantum" if order == 1 else f"{order} flux quanta") in str(flow)
    phases, energies = flow.unrolled()
    assert phases[-1] == order
    np.testing.assert_allclose(energies[-1], energies[0])
    np.testing.assert_allclose(np.sort(energies[6]), np.sort(flow.tracked[-1]), atol=1e-6)


@pytest.mark.parametrize("n_bands", [1, 2])
def test_both_valleys_flow_as_one_where_all_carriers_are_in_it(n_bands):
    both, alone = (
        spectral_flow(flavour_problem((2, 3), n_bands, valleys, phase=(0, 0), shells=5), "1/3", 2, n_steps=3)
        for valleys in ((+1, -1), (+1,))
    )
    np.testing.assert_allclose(both.energies, alone.energies, atol=1e-8)
    np.testing.assert_allclose(both.tracked, alone.tracked, atol=1e-8)
    assert both.permutation == alone.permutation
    assert both.min_link == pytest.approx(alone.min_link, abs=1e-8)
    assert 0.5 < both.min_link < 1 - 1e-3
    assert (both.polarisation, alone.polarisation) == (2, None)
    assert " at S_z = 1" in both.verdict
    assert "S_z" not in str(alone)


def test_the_next_turn_is_the_first_with_labels_moved(problem):
    start = problem([3, 4])
    flow = spectral_flow(start, (2, 3), 1, n_steps=2)
    phases, energies = flow.unrolled()
    direct = mo.solve_all_sectors(at_boundary_phase(start, (1.5, 0.0)), (2, 3), 1)
    expected = [direct.energies[direct.labels.index(label), 0] for label in flow.momenta]
    np.testing.assert_allclose(energies[phases.tolist().index(1.5)], expected, atol=1e-5)
    assert np.ptp(expected) > 1e-2


def test_states_of_one_sector_are_followed_through_crossings(problem):
    flow = spectral_flow(problem([3, 3]), (2, 3), 1, n_steps=6, sectors="manifold")
    assert flow.labels == ((0, 0),)
    assert flow.momenta == ((0, 0),) * 3
    assert flow.energies.shape == (7, 1, 4)
    assert sorted(flow.permutation) == [0, 1, 2]
    assert "in the sectors solved" in flow.verdict
    np.testing.assert_allclose(np.sort(flow.tracked, axis=1), flow.energies[:, 0, :3])


def test_a_state_that_is_no_manifold_is_reached_or_wanders(problem):
    start = problem([3, 4])
    assert "other levels reach the manifold" in spectral_flow(start, (1, 4), 1, n_steps=2, momenta=[(0, 0)]).verdict
    lone = spectral_flow(start, (2, 3), 1, n_steps=2, momenta=[(0, 0)], sectors="manifold")
    assert lone.permutation is None
    assert lone.period is None
    assert "does not return to itself" in lone.verdict
    with pytest.raises(mo.InputError, match="returns to itself"):
        lone.unrolled()


def test_large_steps_are_told(problem):
    with pytest.warns(mo.errors.MeshWarning, match="steps of the flow are too coarse"):
        spectral_flow(problem([[1, 0], [0, 6]]), (1, 3), 1, n_steps=2, sectors="manifold")


def test_bad_input(problem):
    start = problem([3, 4])
    with pytest.raises(mo.InputError, match=r"`direction` must be 1 \(along L_1\) or 2 \(along L_2\), but is 3"):
        spectral_flow(start, (2, 3), 3)
    with pytest.raises(mo.InputError, match="`direction` must be 1"):
        LabelShift(start.grid, 0)
    with pytest.raises(mo.InputError, match="`n_levels` must exceed 2, the states of the manifold in one sector"):
        spectral_flow(start, (2, 3), 1, momenta=[(0, 0), (0, 0)], n_levels=2)
    with pytest.raises(mo.InputError, match="`n_steps` must be an integer of at least 2"):
        spectral_flow(start, (2, 3), 1, n_steps=1)
    with pytest.raises(mo.InputError, match="`sectors` must be 'all' or 'manifold'"):
        spectral_flow(start, (2, 3), 1, sectors="some")
