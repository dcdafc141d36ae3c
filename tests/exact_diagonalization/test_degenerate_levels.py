"""What `converged` means: the lowest levels, all copies of them, with residuals measured, for every solver."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian, solve_sector
from moire.linalg.krylov import KrylovBasis
from moire.linalg.lanczos import LanczosSettings, block_lanczos

SOLVERS = ("dense", "arpack", "lanczos")


class Planted(SectorHamiltonian):
    """A Hamiltonian with given levels in random directions, in place of a sector's."""

    is_stored = True

    def __init__(self, levels, seed=0):
        n, rng = len(levels), np.random.default_rng(seed)
        unitary, _ = np.linalg.qr(rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n)))
        matrix = (unitary * levels) @ unitary.conj().T
        self.matrix = (matrix + matrix.conj().T) / 2
        self.diagonal, self.n_products = self.matrix.diagonal().real, 0
        self.sector = SimpleNamespace(label=(0, 0), numbers=(1,), momentum=0)
        LinearOperator.__init__(self, np.complex128, (n, n))

    def _matmat(self, x):
        self.n_products += x.shape[1]
        return self.matrix @ x

    def _matvec(self, x):
        return self._matmat(x.reshape(-1, 1)).reshape(-1)

    def to_csr(self):
        return csr_array(self.matrix)


def planted(copies, kind, base, n=160):
    """Ascending levels with degeneracies, and their Hamiltonian."""
    head = {
        "lowest two": [0.0] * copies + [1.0] * copies,
        "second": [0.0] + [1.0] * copies,
        "beside another": [0.0] * copies + [1e-3] * copies,
    }[kind]
    levels = base + np.concatenate([head, np.linspace(2, 60, n - len(head))])
    return levels, Planted(levels)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("copies", [2, 3, 10, 50])
@pytest.mark.parametrize(("kind", "base"), [("lowest two", 0.0), ("second", -300.0), ("beside another", 7.0)])
def test_copies_are_counted(solver, copies, kind, base):
    levels, hamiltonian = planted(copies, kind, base)
    for wanted in (5, 12):
        solution = solve_sector(hamiltonian, wanted, settings=mo.EigensolverSettings(solver=solver))
        assert solution.converged
        np.testing.assert_allclose(solution.energies, levels[:wanted], atol=1e-9)
        np.testing.assert_allclose(solution.vectors.conj() @ solution.vectors.T, np.eye(wanted), atol=1e-9)
        misses = solution.vectors @ hamiltonian.matrix.T - solution.energies[:, None] * solution.vectors
        np.testing.assert_allclose(solution.residuals, np.linalg.norm(misses, axis=1), atol=1e-11)
        assert solution.residuals.max() <= 1e-6
        assert solution.n_products == (0 if solver == "dense" else hamiltonian.n_products)


@pytest.mark.parametrize("solver", ["arpack", "lanczos"])
def test_all_of_fifty_copies_are_found_one_search_after_the_other(solver):
    levels, hamiltonian = planted(50, "second", 0.0)
    solution = solve_sector(hamiltonian, 60, settings=mo.EigensolverSettings(solver=solver))
    assert solution.converged
    np.testing.assert_allclose(solution.energies, levels[:60], atol=1e-9)


def test_levels_that_arpack_missed_are_said_to_be():
    _, hamiltonian = planted(10, "second", 0.0)
    solution = solve_sector(hamiltonian, 4, settings=mo.EigensolverSettings(solver="arpack"))
    assert solution.stop_reason == "residual below tolerance, with levels that ARPACK missed"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("levels", [[0.0, 1.0], [0, 1, 2.5], [0.0], [1.0]], ids=["two", "three", "zero", "identity"])
def test_free_carriers(small_problem, solver, levels):
    # ARPACK took 1 for the lowest level of the two, which is 0, and stopped at an error with H = 0
    shape = (3, 5) if solver == "dense" else (3, 6)
    pairs = PairHamiltonian.from_problem(small_problem(shape))
    one_body = pairs.orbitals.matrix(np.sort(np.resize(levels, shape[0] * shape[1])).astype(float))
    free = PairHamiltonian(pairs.pairs, one_body, np.zeros_like(pairs.blocks))
    hamiltonian = SectorHamiltonian(free, MomentumSector(pairs.orbitals, 6, 3), "matrix-free")
    exact = np.sort(hamiltonian.diagonal)
    for wanted in (1, 8):
        solution = solve_sector(hamiltonian, wanted, settings=mo.EigensolverSettings(solver=solver))
        assert solution.converged
        np.testing.assert_allclose(solution.energies, exact[:wanted], atol=1e-9)


def run(levels, seed, block, tolerance, **options):
    matrix = Planted(np.asarray(levels), seed).matrix
    settings = LanczosSettings(5, block, 40, tolerance, seed=(seed,), **options)
    result = block_lanczos(lambda x: matrix @ x, len(levels), settings)
    misses = np.linalg.norm(result.vectors @ matrix.T - result.energies[:, None] * result.vectors, axis=1)
    np.testing.assert_allclose(result.residuals, misses, atol=1e-12)
    assert result.converged == (len(misses) == 5 and bool(misses.max() <= tolerance))
    assert result.converged == (result.stop_reason == "residual below tolerance")
    return result


@pytest.mark.parametrize(
    ("lowest", "seed", "block"), [([0, 0, 0, 0, 0], 23, 2), ([0, 0.5, 1, 1, 1], 10, 1)], ids=["five", "three"]
)
def test_an_estimate_below_the_tolerance_does_not_end_a_run(lowest, seed, block):
    # here the estimate reaches 1e-8 where |H v - E v| is still 1.05e-8 and more: the run goes on
    result = run([*lowest, *np.linspace(2.5, 50, 245)], seed, block, 1e-8)
    assert result.converged
    np.testing.assert_allclose(result.energies, lowest, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-1, 1e-3, 1e-6])
def test_a_measured_residual_decides_whatever_is_estimated(monkeypatch, factor):
    ritz = KrylovBasis.ritz
    monkeypatch.setattr(KrylovBasis, "ritz", lambda self: (*(known := ritz(self))[:2], factor * known[2]))
    result = run(np.linspace(0, 50, 250), 1, 2, 1e-8)
    assert result.converged
    np.testing.assert_allclose(result.energies, np.linspace(0, 50, 250)[:5], atol=1e-10)


@pytest.mark.parametrize("tolerance", [1e-13, 3e-14, 1e-15])
def test_at_rounding_error_flag_and_reason_agree(tolerance):
    results = [run([0, 0, 1, 1, 1, *np.linspace(2.5, 50, 95)], seed, 2, tolerance) for seed in range(3)]
    assert {result.stop_reason for result in results} <= {"residual below tolerance", "residual at rounding error"}
    if tolerance == 1e-15:
        assert not any(result.converged for result in results)


def test_a_search_left_open_is_not_converged():
    levels = np.concatenate([[0, 0.3, 1], np.linspace(3, 10, 157)])
    hamiltonian, options = Planted(levels), {"solver": "lanczos", "block_size": 1, "n_krylov": 10}
    with pytest.warns(mo.ConvergenceWarning, match="Lanczos stopped after 7 restarts in a search for missed levels; "):
        solution = solve_sector(hamiltonian, 3, settings=mo.EigensolverSettings(max_restarts=7, **options))
    assert len(solution.energies) == 3
    assert solution.residuals.max() <= 1e-6  # and yet nothing says that these are the lowest
    assert not solution.converged
    solution = solve_sector(hamiltonian, 3, mo.EigensolverSettings(**options))
    assert solution.converged
    np.testing.assert_allclose(solution.energies, levels[:3], atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_flag_and_reason_agree_out_of_reach(solver):
    levels = np.linspace(-300, -200, 160)
    hamiltonian = Planted(levels)
    with pytest.warns(mo.ConvergenceWarning, match="residual at rounding error; largest residual"):
        solution = solve_sector(hamiltonian, 4, settings=mo.EigensolverSettings(solver=solver, tolerance_mev=1e-15))
    assert not solution.converged


def test_no_level_is_returned_above_one_that_is_not_known(monkeypatch):
    ritz = KrylovBasis.ritz
    first = np.eye(1, 40)[0]  # the lowest level never settles
    monkeypatch.setattr(KrylovBasis, "ritz", lambda self: (*(known := ritz(self))[:2], known[2] + first[: self.n_held]))
    options = {"solver": "lanczos", "n_krylov": 40, "max_restarts": 30}
    with pytest.warns(mo.ConvergenceWarning, match="Lanczos stopped after 30 restarts with 0 of 3 levels"):
        solution = solve_sector(Planted(np.linspace(0, 50, 160)), 3, mo.EigensolverSettings(**options))
    assert len(solution.energies) == 0
