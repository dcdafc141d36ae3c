"""States of all plane waves that were found in a few bands, and what their lowest eigenstates are enough for."""

import numpy as np
import pytest

from moire import hartree_fock as hf
from moire.hartree_fock.occupation import Aufbau, occupy
from moire.hartree_fock.stages import commutator
from moire.observables import identify_phase
from moire.topology import chern_number
from tests.hartree_fock.test_plane_waves import problems

pytestmark = pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")
TIGHT = hf.ScfSettings(tolerance_mev=1e-8)


@pytest.fixture(scope="module")
def waves():
    return hf.MeanField(problems([3, 3], displacement=15.0)[1])


@pytest.fixture(scope="module")
def lifted(waves):
    few = hf.in_bands(waves, 3)
    found = hf.ground_state(few, 2, ["AFMxy", "AFMz", "non_magnetic"])
    return found, hf.lift(found, few, waves, TIGHT)


def test_lifted_states_are_those_of_the_waves(waves, lifted):
    found, states = lifted
    alone = hf.solve_hartree_fock(waves, 2, "valley_polarised", settings=TIGHT)
    assert states.best.converged
    assert states.best.energy_per_cell == pytest.approx(alone.energy_per_cell, abs=1e-9)
    assert states.best.energy_per_cell < found.best.energy_per_cell - 1e-3  # more bands lower the energy
    assert states.best.guess == found.best.guess


def test_only_distinct_states_near_the_lowest_are_lifted(lifted):
    found, states = lifted
    near = [group[0] for group in found.distinct if group[0].energy_per_cell < found.best.energy_per_cell + 2]
    assert len(found.solutions) > len(near) == len(states.solutions)
    assert [state.energy_per_cell for state in states.solutions] == sorted(
        state.energy_per_cell for state in states.solutions
    )


def test_the_lowest_states_give_what_all_states_give(lifted):
    state = lifted[1].best
    few, every = state.lowest, state.occupation
    number = few.energies.shape[1]
    assert number < every.energies.shape[1]
    np.testing.assert_allclose(few.energies, every.energies[:, :number], atol=1e-8)
    assert few.gap == pytest.approx(every.gap, abs=1e-8)
    phase = identify_phase(state)
    group = range(len(state.filled_bands))
    assert phase.chern.value == pytest.approx(chern_number(state.bands, group).value, abs=1e-6)


def test_commutator_from_occupied_orbitals(waves):
    rng = np.random.default_rng(3)
    fock, other = (rng.standard_normal((4, 12, 12, 2)).view(complex)[..., 0] for _ in range(2))
    fock, other = (each + each.conj().swapaxes(1, 2) for each in (fock, other))
    for temperature in (0.0, 0.7):
        filled = occupy(other, 9, temperature)
        np.testing.assert_allclose(filled.commutator(fock), commutator(fock, filled.density_matrix), atol=1e-12)


def test_halves_that_are_not_coupled_are_solved_separately():
    rng = np.random.default_rng(4)
    fock = rng.standard_normal((5, 60, 60, 2)).view(complex)[..., 0]
    fock = fock + fock.conj().swapaxes(1, 2)
    fock[:, :30, 30:] = fock[:, 30:, :30] = 0
    for fill in (Aufbau(7), Aufbau(7, 0.0, 2)):
        lowest, every = fill.lowest(fock), fill(fock)
        assert lowest.energies.shape[1] < 60
        np.testing.assert_allclose(lowest.energies[:, :4], every.energies[:, :4], atol=1e-12)
        np.testing.assert_allclose(lowest.density_matrix, every.density_matrix, atol=1e-12)
        assert (lowest.density_matrix[:, :30, 30:] == 0).all()
