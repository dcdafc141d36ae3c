"""Solutions carried along a line of problems, random starts, and equal solutions counted as one."""

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from tests.hartree_fock.test_hartree_fock import build_problem


def follow(mean_fields, guesses, **options):
    return hf.follow(mean_fields, [hf.ground_state(mean_field, 2, guesses) for mean_field in mean_fields], **options)


@pytest.fixture(scope="module")
def line(build_model):
    """D = 20, 40, 60 meV across the transition from AFMz to the layer-polarised insulator; 3x3."""
    return [hf.MeanField(build_problem(build_model, (3, 3), displacement_mev=field)) for field in (20.0, 40.0, 60.0)]


def test_transfer_between_bands(line, build_model):
    state = hf.solve_hartree_fock(line[0], 2, "AFMz")
    near = hf.MeanField(build_problem(build_model, (3, 3), displacement_mev=21.0))
    moved = hf.transferred(state.density_matrix, line[0], near)
    np.testing.assert_allclose(moved @ moved, moved, atol=1e-12)
    assert np.einsum("kii->", moved).real == pytest.approx(18, abs=1e-10)
    back = hf.transferred(moved, near, line[0])
    np.testing.assert_allclose(back, state.density_matrix, atol=1e-10)
    # the state itself hardly changes: its layers are those it had
    np.testing.assert_allclose(hf.Moments.of(near.problem, moved).occupations, state.moments.occupations, atol=0.01)
    assert np.abs(moved - state.density_matrix).max() > 1e-3


def test_states_are_followed_in_both_directions(line):
    # AFMz is the only guess, so that the layer-polarised state of the last point must come back to the others
    guesses = [("AFMz",), ("layer_polarised",)]
    alone = [[hf.ground_state(mean_field, 2, guess).best for guess in guesses] for mean_field in line]
    found = follow(line, "AFMz", n_carried=2)
    for states, (first, _) in zip(found, alone, strict=True):
        assert states.best.energy_per_cell <= first.energy_per_cell + 1e-8
        assert any("from point" in state.guess for state in states.solutions)
    layered = follow(line, "layer_polarised", n_carried=2)
    both = follow(line, ("AFMz", "layer_polarised"))
    for states, one, other in zip(both, found, layered, strict=True):
        lowest = min(one.best.energy_per_cell, other.best.energy_per_cell)
        assert states.best.energy_per_cell <= lowest + 1e-6


def test_a_line_of_dielectric_constants_shares_one_build(line):
    mean_fields = [line[0].rescaled(epsilon_r) for epsilon_r in (10.0, 20.0, 40.0)]
    states = follow(mean_fields, ("AFMxy", "AFMz"))
    energies = [state.best.energy_per_cell for state in states]
    assert energies[0] < energies[1] < energies[2]  # attraction of the exchange falls with eps
    assert [state.best.problem.interaction.epsilon_r for state in states] == [10.0, 20.0, 40.0]


def test_random_starts_differ_and_equal_solutions_are_one(line):
    found = hf.ground_state(line[0], 2, ("AFMxy", "random"), n_random=3)
    seeds = {state.seed for state in found.solutions if state.guess.startswith("random")}
    assert len(seeds) == 3
    groups = found.distinct
    assert sum(len(group) for group in groups) == len(found.solutions)
    assert len(groups) < len(found.solutions)
    assert groups[0][0] is found.best
    energies = [group[0].energy_per_cell for group in groups]
    assert energies == sorted(energies)
    again = hf.ground_state(line[0], 2, ("AFMxy", "random"), n_random=3)
    np.testing.assert_array_equal(again.best.density_matrix, found.best.density_matrix)


@pytest.mark.parametrize(
    ("options", "match"), [({"n_random": 0}, "`n_random` must be at least 1"), ({"guesses": ()}, "`guesses` must hold")]
)
def test_bad_starts(line, options, match):
    with pytest.raises(mo.InputError, match=match):
        hf.ground_state(line[0], 2, **options)


def test_bad_lines(line, build_model):
    other = hf.MeanField(build_problem(build_model, (2, 3)))
    two, one = (hf.ground_state(line[0], n_holes, "layer_polarised") for n_holes in (2, 1))
    for mean_fields, found, match in (
        ([], [], "`mean_fields` must hold at least one"),
        ([line[0], other], [two, two], "`mean_fields` must share cluster, cell"),
        (line, [two, two], "`found` must hold one ground state per mean field, 3 in all, but holds 2"),
        (line, [two, one, two], "`found` must be at one filling, symmetry and temperature, but differs in them"),
    ):
        with pytest.raises(mo.InputError, match=match):
            hf.follow(mean_fields, found)
    with pytest.raises(mo.InputError, match="`n_carried` must be at least 1"):
        hf.follow(line, [two] * 3, n_carried=0)
