"""Exported Hamiltonians in other codes, read by `scripts/hand_over.py` from the files alone."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import PairHamiltonian
from moire.io import write_diagham, write_fcidump
from tests.reference.ledger_models import build

SCRIPT = Path(__file__).parents[2] / "scripts" / "hand_over.py"
spec = importlib.util.spec_from_file_location("hand_over", SCRIPT)
hand_over = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hand_over)

peer = pytest.mark.peers
ignored = pytest.mark.filterwarnings("ignore")  # of the other codes


def problem_of(shape, valleys=(1,), n_bands=1, **options):
    models = [build("WANG_2023", 3.7, valley=valley) for valley in valleys]
    bands = mo.solve_bands(models, mo.MomentumGrid.cluster(models[0].lattice, shape), n_bands)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10), q_cutoff=2.0, **options)


def levels_of(problem, filling, n=3):
    options = {"polarisation": "all"} if len(problem.one_body) == 2 else {}
    energies = mo.solve_all_sectors(problem, filling, n, **options).energies
    return np.sort(energies[np.isfinite(energies)])[:n]


@pytest.fixture
def written(tmp_path):
    def write(problem, n_carriers):
        write_fcidump(PairHamiltonian.from_problem(problem), tmp_path / "FCIDUMP", n_carriers)
        return tmp_path / "FCIDUMP"

    return write


@pytest.mark.parametrize("shape", [[3, 3], [[3, 0], [1, 2]]])
def test_an_independent_reader_of_the_files_of_diagham(shape, tmp_path):
    problem = problem_of(shape, zero_momentum="exchange", reference="average")
    write_diagham(PairHamiltonian.from_problem(problem), tmp_path / "i", tmp_path / "i.onebody")
    found = hand_over.diagham(tmp_path / "i", 2 * problem.grid.n_points // 3)
    np.testing.assert_allclose(found[:3], levels_of(problem, "-2/3"), atol=1e-8)
    assert np.ptp(found[:3]) > 0.1


@peer
@ignored
@pytest.mark.parametrize("code", ["pyscf", "block2", "tenpy"])
def test_one_band(code, written):
    pytest.importorskip({"pyscf": "pyscf", "block2": "pyblock2", "tenpy": "tenpy"}[code], reason="no extra `peers`")
    problem = problem_of([3, 3])
    found = getattr(hand_over, code)(written(problem, 6))
    np.testing.assert_allclose(found, levels_of(problem, "-2/3")[: len(found)], atol=1e-8)


@peer
@ignored
@pytest.mark.parametrize(("code", "valleys"), [("pyscf", (1,)), ("pyscf", (1, -1)), ("block2", (1,))])
def test_two_bands_that_the_reference_mixes(code, valleys, written):
    """Of both valleys by a solver without local minima: their levels lie 1e-5 meV apart."""
    pytest.importorskip({"pyscf": "pyscf", "block2": "pyblock2"}[code], reason="no extra `peers`")
    problem = problem_of([1, 3], valleys, 2, zero_momentum="exchange", reference="average")
    assert np.abs(PairHamiltonian.from_problem(problem).one_body[..., 0, 1]).max() > 0.1
    found = getattr(hand_over, code)(written(problem, 2))
    np.testing.assert_allclose(found, levels_of(problem, "-2/3"), atol=1e-8)
