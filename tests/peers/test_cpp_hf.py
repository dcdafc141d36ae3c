"""The energy of Hartree-Fock in all plane waves, against cpp_hf on the problem that both can do."""

import pytest

from moire.hartree_fock import solve_hartree_fock

pytest.importorskip("cpp_hf", reason="the extra `peers` is not installed")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")]


@pytest.mark.parametrize("side", [3, 4])
def test_energy_of_one_valley(side):
    from benchmarks.peer_hartree_fock import peer_energy, peer_kernel, problem_of

    problem = problem_of(side)
    state = solve_hartree_fock(problem, 1, "non_magnetic")
    energy, _ = peer_energy(peer_kernel(problem))
    assert state.converged
    assert state.energy.fock < -10
    assert energy == pytest.approx(state.energy_per_cell, abs=1e-6)
