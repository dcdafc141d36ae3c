"""Block Lanczos against dense solvers: degenerate levels, low memory, checkpoints and resuming."""

import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

import moire as mo
from moire.errors import MemoryRefusedError
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian, solve_sector
from moire.linalg.checkpoint import Checkpoint
from moire.linalg.lanczos import LanczosSettings, block_lanczos


def hermitian(levels, seed=0):
    """A dense Hermitian matrix with the given spectrum, and its products."""
    rng = np.random.default_rng(seed)
    n = len(levels)
    unitary, _ = np.linalg.qr(rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n)))
    matrix = (unitary * levels) @ unitary.conj().T
    return (matrix + matrix.conj().T) / 2


@pytest.fixture(scope="module")
def hamiltonian(small_problem):
    problem = small_problem([3, 6])
    h = SectorHamiltonian(PairHamiltonian.from_problem(problem), MomentumSector(problem.orbitals, 6, 3), "matrix-free")
    assert h.shape[0] > 1000
    return h


def test_the_three_solvers_agree(hamiltonian):
    dense, arpack, lanczos = (
        solve_sector(hamiltonian, 5, settings=mo.EigensolverSettings(solver=name))
        for name in ("dense", "arpack", "lanczos")
    )
    assert (dense.solver, arpack.solver, lanczos.solver) == ("dense", "arpack", "lanczos")
    assert solve_sector(hamiltonian, 5).solver == "lanczos"
    for solution in (arpack, lanczos):
        np.testing.assert_allclose(solution.energies, dense.energies, atol=1e-9)
        overlaps = np.abs(np.sum(solution.vectors.conj() * dense.vectors, axis=1))
        np.testing.assert_allclose(overlaps, 1, atol=1e-9)
    assert 50 < lanczos.n_products < 200
    assert lanczos.history[-1, 0] * 2 + 5 == lanczos.n_products  # blocks of two, and a measured residual each
    assert 150 < arpack.n_products < 350  # of which a third confirm that no level was missed
    assert lanczos.history[-1, 1] <= 1e-6
    assert lanczos.history[0, 1] > 1e-3


@pytest.mark.parametrize(("block_size", "n_krylov"), [(1, 12), (1, 200), (2, 16), (3, 40), (4, 100), (7, 60)])
def test_any_block_and_memory_give_the_same_levels(hamiltonian, block_size, n_krylov):
    exact = solve_sector(hamiltonian, 4, settings=mo.EigensolverSettings(solver="dense")).energies
    solution = solve_sector(hamiltonian, 4, settings=mo.EigensolverSettings(block_size=block_size, n_krylov=n_krylov))
    np.testing.assert_allclose(solution.energies, exact, atol=1e-9)
    assert solution.residuals.max() < 1e-6
    assert (solution.n_restarts > 0) == (n_krylov < 150)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("block_size", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "lowest", [[0, 0, 0, 1, 1.5], [0, 1, 1, 1, 2], [0, 0, 0, 0, 0], [0, 0.5, 1, 1, 1], [0, 0, 1, 1, 1]]
)
def test_degenerate_levels_come_out_complete(seed, block_size, lowest):
    levels = np.concatenate([lowest, np.linspace(2.5, 50, 245)])
    matrix = hermitian(levels, seed)
    result = block_lanczos(lambda x: matrix @ x, 250, LanczosSettings(5, block_size, 40, 1e-8, seed=(seed,)))
    assert result.converged
    np.testing.assert_allclose(result.energies, levels[:5], atol=1e-9)
    np.testing.assert_allclose(result.vectors.conj() @ result.vectors.T, np.eye(5), atol=1e-9)
    residuals = result.vectors @ matrix.T - result.energies[:, None] * result.vectors
    assert np.linalg.norm(residuals, axis=1).max() < 1e-6


@pytest.mark.parametrize("dimension", [5, 6, 7, 20, 61])
def test_small_spaces_are_exhausted(dimension):
    matrix = hermitian(np.arange(dimension) // 2, 4)
    result = block_lanczos(lambda x: matrix @ x, dimension, LanczosSettings(4, 2, dimension, 1e-10))
    np.testing.assert_allclose(result.energies, [0, 0, 1, 1], atol=1e-10)
    assert result.converged


def test_a_multiple_of_the_identity():
    # Every product lies in the span: the next vectors are random, and the levels all the same.
    result = block_lanczos(lambda x: 3.0 * x, 200, LanczosSettings(4, 2, 40, 1e-8))
    np.testing.assert_allclose(result.energies, 3.0, atol=1e-12)
    np.testing.assert_allclose(result.vectors.conj() @ result.vectors.T, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_three_states_at_gamma(small_problem, seed):
    # 3x3 at 2/3: the three states of the manifold share the sector (0, 0).
    problem = small_problem([3, 3])
    pairs = PairHamiltonian.from_problem(problem)
    h = SectorHamiltonian(pairs, MomentumSector(problem.orbitals, 3, 0), "matrix-free")
    exact = np.linalg.eigvalsh(h.to_csr().toarray())[:3]
    np.testing.assert_allclose(
        solve_sector(h, 3, settings=mo.EigensolverSettings(solver="lanczos", seed=seed)).energies, exact, atol=1e-9
    )
    degenerate = SectorHamiltonian(flat(pairs), h.sector, "matrix-free")  # all levels the same
    solution = solve_sector(degenerate, 4, settings=mo.EigensolverSettings(solver="lanczos", seed=seed))
    np.testing.assert_allclose(solution.energies, solution.energies[0], atol=1e-10)
    np.testing.assert_allclose(solution.vectors.conj() @ solution.vectors.T, np.eye(4), atol=1e-10)


def flat(pairs):
    """The pairs without an interaction and with one energy for all orbitals."""
    return PairHamiltonian(
        pairs.pairs, pairs.orbitals.matrix(np.full_like(pairs.levels, -2.0)), np.zeros_like(pairs.blocks)
    )


def test_single_precision_is_good_to_its_rounding(hamiltonian):
    exact = solve_sector(hamiltonian, 2, settings=mo.EigensolverSettings(solver="dense")).energies
    single = SectorHamiltonian(hamiltonian.pair_hamiltonian, hamiltonian.sector, "matrix-free", dtype=np.complex64)
    solution = solve_sector(single, 2, settings=mo.EigensolverSettings(tolerance_mev=1e-2))
    assert solution.vectors.dtype == np.complex64
    np.testing.assert_allclose(solution.energies, exact, atol=1e-3)  # residual^2 / gap, and 1e-7 of 300 meV
    with pytest.warns(mo.ConvergenceWarning, match="residual at rounding error"):
        assert not solve_sector(single, 2, settings=mo.EigensolverSettings(tolerance_mev=1e-8)).converged


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_killed_run_resumes_to_the_same_bits(hamiltonian, tmp_path, monkeypatch):
    settings = mo.EigensolverSettings(n_krylov=16, seed=3)
    whole = solve_sector(hamiltonian, 3, settings=settings, checkpoint=tmp_path / "whole")
    assert whole.n_restarts > 5
    multiply, count = SectorHamiltonian._matmat, []

    def dies(self, x):
        count.append(1)
        if len(count) == 30:
            raise Killed
        return multiply(self, x)

    monkeypatch.setattr(SectorHamiltonian, "_matmat", dies)
    with pytest.raises(Killed):
        solve_sector(hamiltonian, 3, settings=settings, checkpoint=tmp_path / "run")
    assert sorted(path.name for path in tmp_path.glob("run*")) == ["run.0.h5", "run.1.h5"]
    resumed = solve_sector(hamiltonian, 3, settings=settings, checkpoint=tmp_path / "run")
    assert 0 < resumed.n_products < whole.n_products
    np.testing.assert_array_equal(resumed.energies, whole.energies)
    np.testing.assert_array_equal(resumed.vectors, whole.vectors)
    np.testing.assert_array_equal(resumed.history, whole.history)


def test_a_checkpoint_of_another_problem_is_refused(hamiltonian, tmp_path):
    solve_sector(hamiltonian, 3, settings=mo.EigensolverSettings(n_krylov=16), checkpoint=tmp_path / "run")
    with pytest.raises(mo.InputError, match=r"`checkpoint` must belong to this problem and settings, but .*run.0.h5"):
        solve_sector(hamiltonian, 3, settings=mo.EigensolverSettings(n_krylov=16, seed=1), checkpoint=tmp_path / "run")
    with pytest.raises(mo.InputError, match="`checkpoint` must lie in a folder that exists"):
        solve_sector(hamiltonian, 3, checkpoint=tmp_path / "absent" / "run")


def test_a_damaged_slot_is_passed_over(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run", "key")
    assert checkpoint.load() is None
    for value in (1, 2, 3):
        checkpoint.save({"a": np.array([value])})
    newest, older = tmp_path / "run.1.h5", tmp_path / "run.0.h5"
    assert Checkpoint(tmp_path / "run", "key").load()["a"] == 3
    newest.write_bytes(newest.read_bytes()[:500])
    again = Checkpoint(tmp_path / "run", "key")
    assert again.load()["a"] == 2
    again.save({"a": np.array([4])})  # over the damaged slot
    with h5py.File(newest) as file, h5py.File(older) as other:
        assert (file["a"][0], other["a"][0]) == (4, 2)
    again.remove()
    assert not list(tmp_path.iterdir())


WRITER = """
import sys
from pathlib import Path
import numpy as np
from moire.linalg.checkpoint import Checkpoint
checkpoint = Checkpoint(Path(sys.argv[1]), "key")
for value in range(1, 100000):
    checkpoint.save({"a": np.full(100000, value)})
    print(value, flush=True)
"""


def test_a_writer_killed_at_any_time_leaves_a_whole_state(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    ) as writer:
        for _ in range(7):
            last = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        writer.stdout.read()
    values = Checkpoint(tmp_path / "run", "key").load()["a"]
    assert values[0] >= last
    assert np.all(values == values[0])


def test_memory_is_stated_and_refused(hamiltonian, monkeypatch):
    from moire import resources

    monkeypatch.setattr(resources, "available_bytes", lambda: 3.2e6)  # 1,000 states: 16 kB each
    solution = solve_sector(hamiltonian, 2, settings=mo.EigensolverSettings(solver="lanczos"))
    assert solution.converged
    assert solution.n_restarts > 1
    monkeypatch.setattr(resources, "available_bytes", lambda: 1e5)
    with pytest.raises(
        MemoryRefusedError, match=r"Krylov vectors of dimension 10\d\d in blocks of 1 would take .* would fit"
    ):
        solve_sector(hamiltonian, 2, settings=mo.EigensolverSettings(solver="lanczos"))


@pytest.mark.parametrize(
    ("options", "name"),
    [({"solver": "jacobi"}, "solver"), ({"block_size": 0}, "block_size"), ({"n_krylov": 7}, "n_krylov")],
)
def test_bad_settings(hamiltonian, options, name):
    with pytest.raises(mo.InputError, match=f"^`{name}` must "):
        solve_sector(hamiltonian, 4, mo.EigensolverSettings(**options))
