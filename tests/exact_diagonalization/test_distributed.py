"""Sectors spread over ranks: the rows, the rounds, and the levels on one to four ranks."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from math import comb

import numpy as np
import pytest

from moire.cli import cli
from moire.errors import InputError
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SpectrumSettings, Truncation, solve_all_sectors
from moire.exact_diagonalization.block_tables import BlockTables
from moire.exact_diagonalization.distributed import SectorRows, predict, prediction
from moire.exact_diagonalization.distributed.rounds import reached_words, rounds_of
from moire.grids import MomentumGrid
from moire.io import read_record, read_spectrum
from moire.lattice import MoireLattice
from moire.orbitals import Orbitals
from tests.flavour_cases import flavour_problem
from tests.fractional_cases import problem_on
from tests.sweep.test_mpi import ROOT, mpiexec

ON_RANKS = [1, 2, 3, 4]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the ranks found, in one job of four."""
    command = [*mpiexec(4), sys.executable, "-m", "tests.exact_diagonalization.distributed_cases"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1"}
    folder = tmp_path_factory.mktemp("states")
    done = subprocess.run(
        [*command, folder], capture_output=True, text=True, timeout=600, check=False, env=environment, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("n", ON_RANKS)
def test_products_are_those_of_the_stored_matrix(found, n):
    for name, (difference, dimension, sent) in found["products"][str(n)].items():
        assert difference < 1e-12, name
        assert dimension > 100
        assert (sent > 0) == (n > 1)


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("n", ON_RANKS)
def test_levels_do_not_depend_on_the_ranks(found, n):
    cases = {
        "one band": (problem_on((3, 5)), "-2/3", {"momenta": [(0, 0), (0, 1)]}),
        "two bands": (flavour_problem((2, 3), 2, (+1,)), "-2/3", {"momenta": [(0, 1)]}),
        "both valleys": (flavour_problem((2, 3), 1), "-4/3", {"momenta": [(0, 0)], "polarisation": (2, 0)}),
    }
    for name, (problem, filling, options) in cases.items():
        settings = SpectrumSettings(solver="dense", use_symmetry=False)
        expected = solve_all_sectors(problem, filling, 3, settings=settings, **options).energies
        energies, storage, residual = found["spectra"][str(n)][name]
        assert f"matrix-free on {n} ranks" in storage
        assert residual <= 1e-6
        # an energy differs from a level by residual^2 / gap
        np.testing.assert_allclose(energies, expected, rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.slow
@pytest.mark.mpi
def test_a_run_continues_on_other_numbers_of_ranks(found):
    fresh_products, expected, _ = found["resumed"].pop("fresh")
    for name, (n_products, energies, files) in found["resumed"].items():
        ranks = int(name[2:])
        assert 0 < n_products < fresh_products
        np.testing.assert_allclose(energies, expected, rtol=0, atol=1e-9)
        assert len(files) == 2 * ranks, "the files of the other number of ranks are removed"


SECTORS = [
    ((4, 5), 1, 1, (7,), None),
    ((2, 3), 2, 1, (3, 2), None),
    ((2, 4), 1, 3, (4,), Truncation(2)),
]


def rows_of(case, n_ranks, rank, momentum=1):
    shape, n_flavours, n_bands, numbers, truncation = case
    orbitals = Orbitals(MomentumGrid.regular(MoireLattice(1.0, 1.0), *shape), n_flavours, n_bands)
    return SectorRows(orbitals, numbers, momentum, n_ranks, rank, truncation)


@pytest.mark.parametrize("case", SECTORS)
@pytest.mark.parametrize("n_ranks", [1, 3, 40])
def test_the_ranks_hold_every_state_once(case, n_ranks):
    parts = [rows_of(case, n_ranks, rank) for rank in range(n_ranks)]
    sector = MomentumSector(parts[0].orbitals, case[3], 1, case[4])
    assert parts[0].dimension == sector.dimension > 40
    np.testing.assert_array_equal(np.concatenate([part.labels() for part in parts]), sector.labels)
    held = [part.held.stop - part.held.start for part in parts]
    largest_word = np.diff(parts[0].high_offset).max()
    assert max(held) <= sector.dimension / n_ranks + 2 * largest_word


@pytest.mark.parametrize("case", SECTORS)
def test_blocks_reach_the_words_with_at_most_two_particles_more(case):
    rows = rows_of(case, 1, 0)
    words = rows.halves.high_words
    words = np.arange(len(rows.high_offset) - 1, dtype=np.uint64) if words is None else words
    chosen = np.arange(0, len(words), 5)
    added = np.bitwise_count(words[None] & ~words[chosen][:, None])
    kept = ((words[None] & words[chosen][:, None]) == words[chosen][:, None]) & (added <= 2)
    expected = np.flatnonzero(kept.any(axis=0) & (np.diff(rows.high_offset) > 0))
    np.testing.assert_array_equal(reached_words(chosen.astype(np.uint32), rows), expected)


def test_rounds_share_the_blocks_and_reach_fewer_rows():
    form = PairHamiltonian.from_problem(problem_on((4, 5)))
    numbers, blocks, widest = (7,), [], {}
    for n_ranks, n_rounds in [(1, 1), (3, 4)]:
        for rank in range(n_ranks):
            rows = SectorRows(form.orbitals, numbers, 0, n_ranks, rank)
            tables = BlockTables(form, rows.classes, 0, None)
            rounds = rounds_of(tables, rows, n_rounds)
            blocks += [(found.blocks.start, found.blocks.stop) for found in rounds if n_ranks > 1]
            widest[n_ranks] = max(found.n_rows for found in rounds)
    assert blocks[0][0] == 0
    assert blocks[-1][1] == len(tables.highs)
    assert all(before[1] == after[0] for before, after in pairwise(blocks))
    assert widest[1] == rows.dimension
    assert widest[3] < 0.8 * rows.dimension


@pytest.mark.parametrize("n_ranks", [1, 3, 8])
def test_memory_and_messages_are_predicted(n_ranks, monkeypatch):
    """Against the rounds of every rank, without their exchange; bytes of one vector."""
    monkeypatch.setattr(prediction, "FEW_ROWS", 100)
    form = PairHamiltonian.from_problem(problem_on((4, 5)))
    found = predict(form.orbitals, ((7,), 0), n_ranks)
    sent, widest, held = 0, 0, []
    for rank in range(n_ranks):
        rows = SectorRows(form.orbitals, (7,), 0, n_ranks, rank)
        for each in rounds_of(BlockTables(form, rows.classes, 0, None), rows, found.n_rounds):
            first = rows.high_offset[each.high]
            lengths = rows.high_offset[each.high + 1] - first
            sent += lengths[(first < rows.held.start) | (first >= rows.held.stop)].sum()
            widest = max(widest, each.n_rows)
        held.append(rows.held.stop - rows.held.start)
    assert found.states == 8 * max(held)
    assert found.sent == pytest.approx(2 * 16 * sent / n_ranks, rel=0.25)
    assert found.buffers == pytest.approx(16 * 2 * 6 * widest, rel=0.35)
    assert found.work_s == pytest.approx(9e-9 * comb(20, 5) * comb(15, 2) / 20 / n_ranks)


@pytest.mark.slow
def test_a_sector_of_seven_milliard_states_on_a_thousand_ranks():
    """45 orbitals, of which tables over half words alone are built; sectors of all momenta are about equal."""
    orbitals = Orbitals(MomentumGrid.regular(MoireLattice(1.0, 1.0), 5, 9))
    found = predict(orbitals, ((15,), 0), 1000)
    assert found.dimension == pytest.approx(comb(45, 15) / 45, rel=1e-5)
    assert found.states + found.vectors < 1.1 * found.dimension / 1000 * (8 + 16 * 72)
    assert found.buffers < found.vectors
    assert "7,663,720,710 states on 1000 ranks" in str(found)


def test_kept_vectors_are_refused_over_ranks():
    problem = problem_on((3, 5))
    with pytest.raises(InputError, match=r"`keep_vectors` must be False over ranks"):
        solve_all_sectors(problem, "-2/3", keep_vectors=True, settings=SpectrumSettings(communicator=object()))
    with pytest.raises(InputError, match=r"`solver` must be 'lanczos' over ranks, but is 'arpack'"):
        SpectrumSettings(communicator=object(), solver="arpack")


POINT = ["--twist", "3.7", "--cluster", "2x3", "--filling", "-5/6", "--bands", "4", "--shells", "3"]
POINT += ["--q-cutoff", "2", "--states", "1"]


@pytest.mark.mpi
def test_the_command_spreads_its_sectors_when_told(tmp_path):
    """Dimension 7084; alone it is computed by rank 0, as one rank can hold it."""
    energies = {}
    for name, how in {"spread": ["--distribute"], "alone": []}.items():
        path = tmp_path / f"{name}.h5"
        done = subprocess.run(
            [*mpiexec(2), sys.executable, "-m", "moire", "ed", *POINT, *how, "--output", str(path)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("E0 per carrier") == 1
        assert ("matrix-free on 2 ranks" in done.stdout) == (name == "spread")
        energies[name] = read_spectrum(read_record(path)).energies
    np.testing.assert_allclose(energies["spread"], energies["alone"], rtol=0, atol=1e-9)


def test_one_process_cannot_spread():
    with pytest.raises(InputError, match=r"`--distribute` must be given to several ranks"):
        cli.main(["ed", *POINT, "--distribute"], standalone_mode=False)
