import re
from dataclasses import replace

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian, sector_work, solve_sector


@pytest.fixture
def hamiltonian(small_problem):
    problem = small_problem([3, 5])
    h = SectorHamiltonian(PairHamiltonian.from_problem(problem), MomentumSector(problem.orbitals, 6, 2), "matrix-free")
    assert h.shape[0] > 300
    return h


@pytest.mark.parametrize(("solver", "name"), [("lanczos", "Lanczos"), ("arpack", "ARPACK")])
def test_unconverged_warns_and_says_so(hamiltonian, solver, name):
    with pytest.warns(mo.ConvergenceWarning, match=rf"Sector \(0, 2\): {name} stopped after 1 restarts with \d of 4"):
        solution = solve_sector(hamiltonian, 4, settings=mo.EigensolverSettings(max_restarts=1, solver=solver))
    assert not solution.converged
    assert f"{name} stopped after 1 restarts" in solution.stop_reason
    assert len(solution.energies) < 4
    assert len(solution.energies) == len(solution.vectors) == len(solution.residuals)
    assert 0 < solution.n_products < 100


def test_strict_raises(hamiltonian):
    with pytest.raises(mo.ConvergenceWarning, match="against"):
        solve_sector(hamiltonian, 4, settings=mo.EigensolverSettings(max_restarts=1, strict=True))


def test_a_tolerance_out_of_reach_is_not_called_converged(hamiltonian):
    with pytest.warns(mo.ConvergenceWarning, match=re.escape("against 1.0e-16")):
        solution = solve_sector(hamiltonian, 2, settings=mo.EigensolverSettings(tolerance_mev=1e-16))
    assert not solution.converged
    assert np.all(solution.residuals > 1e-16)


def test_a_failed_sector_leaves_nan_and_no_verdict(small_problem, monkeypatch):
    original = sector_work.solve_sector

    def impatient(h, n, settings, **options):
        if h.sector.label == (0, 2):
            settings = replace(settings, max_restarts=1, solver="arpack")
        return original(h, n, settings, **options)

    monkeypatch.setattr(sector_work, "solve_sector", impatient)
    with pytest.warns(mo.ConvergenceWarning):
        spectrum = mo.solve_all_sectors(small_problem([3, 5]), (2, 5), 4)
    row = spectrum.labels.index((0, 2))
    assert not spectrum.converged[row]
    assert sum(spectrum.converged) == 14
    assert np.isnan(spectrum.energies[row]).any()
    assert not spectrum.manifold.is_signature


def test_dense_solver_counts_no_products(small_problem):
    problem = small_problem([2, 3])
    h = SectorHamiltonian(PairHamiltonian.from_problem(problem), MomentumSector(problem.orbitals, 3, 0))
    solution = solve_sector(h, 50)
    assert solution.n_products == 0
    assert len(solution.energies) == h.shape[0]
    assert solution.stop_reason == "dense solver"
    np.testing.assert_allclose(solution.energies, np.linalg.eigvalsh(h.to_csr().toarray()), atol=1e-10)
