"""Long spectra resume after a kill, to the same bits, wherever they are solved."""

import inspect
import warnings
from dataclasses import replace

import h5py
import numpy as np
import pytest

import moire as mo
from moire.errors import InputError, MeshWarning
from moire.exact_diagonalization import SectorHamiltonian, eigensolvers, resume
from moire.io import read_record
from moire.linalg.checkpoint import Checkpoint
from moire.observables import charge_gap, fci_report, many_body_chern, spectral_flow
from moire.parameters import WANG_2023
from moire.sweep import (
    BandsTask,
    ChernTask,
    EdTask,
    FciTask,
    HfTask,
    ModelPoint,
    Request,
    ResultsFolder,
    TopologyTask,
    compute,
    run_sweep,
)

POINT = ModelPoint(parameters=WANG_2023, twist_deg=3.7, plane_wave_shells=2)
SHAPE, FILLING = [3, 5], (3, 5)  # sectors of 333 states: the smallest cluster whose manifold Lanczos solves

TASKS = (BandsTask, ChernTask, TopologyTask, HfTask, EdTask, FciTask)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def products(monkeypatch):
    """List with one entry per product; `dies_at` entries kill the run."""
    multiply, count = SectorHamiltonian._matmat, Counted()

    def counted(self, x):
        if len(count) == count.dies_at:
            raise Killed
        count.append(1)
        return multiply(self, x)

    monkeypatch.setattr(SectorHamiltonian, "_matmat", counted)
    return count


class Counted(list):
    dies_at = None

    def of(self, run):
        """Result of a run and its number of products."""
        before = len(self)
        return run(), len(self) - before


def same(one, other):
    """Whether two spectra have the same bits."""
    assert (one.labels, one.converged, one.storage) == (other.labels, other.converged, other.storage)
    for name in ("energies", "residuals", "dimensions"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for left, right in zip(one.vectors, other.vectors, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("keep_vectors", [False, True])
def test_a_checkpoint_changes_no_bit_and_is_read_back(small_problem, products, tmp_path, keep_vectors):
    problem, options = small_problem(SHAPE), {"n_eigenstates": 2, "keep_vectors": keep_vectors}
    settings = mo.SpectrumSettings(checkpoint=tmp_path)
    without = mo.solve_all_sectors(problem, FILLING, **options)
    first, n_first = products.of(lambda: mo.solve_all_sectors(problem, FILLING, **options, settings=settings))
    again, n_again = products.of(lambda: mo.solve_all_sectors(problem, FILLING, **options, settings=settings))
    same(first, without)
    same(again, without)
    assert n_first > 500 > n_again == 0
    assert without.n_products.all()
    assert not again.n_products.any()
    assert {path.name[12:20] for path in tmp_path.iterdir()} == {"-levels-"}


def test_spectra_share_a_folder_and_never_meet(small_problem, products, tmp_path, monkeypatch):
    monkeypatch.setattr(eigensolvers, "DENSE_DIMENSION", 10)  # dense sectors are not kept
    shape = [3, 4]

    def solve(filling=(2, 3), n_eigenstates=2, keep_vectors=False, problem=None, **how):
        settings = mo.SpectrumSettings(checkpoint=tmp_path, **how)
        options = {"momenta": [(0, 0)], "keep_vectors": keep_vectors, "settings": settings}
        return mo.solve_all_sectors(problem or small_problem(shape), filling, n_eigenstates, **options)

    calls = [
        solve,
        lambda: solve(n_eigenstates=3),
        lambda: solve((7, 12)),
        lambda: solve(seed=1),
        lambda: solve(keep_vectors=True),
        lambda: solve(storage="matrix-free"),
        lambda: solve(particle_hole=False),
        lambda: solve(n_krylov=40),
        lambda: solve(problem=small_problem(shape, boundary_phase=(0.1, 0.0))),
        lambda: solve(problem=small_problem(shape, zero_momentum="keep")),
    ]
    for call in calls:
        assert products.of(call)[1] >= 20
    for call in calls:
        assert products.of(call)[1] == 0


def test_a_sector_at_work_resumes(small_problem, products, tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "STATE_DIMENSION", 300)
    monkeypatch.setattr(eigensolvers, "MIN_KRYLOV", 16)  # several restarts
    problem = small_problem(SHAPE)
    options = {"n_eigenstates": 2, "momenta": [(0, 0), (0, 1)]}
    without = mo.SpectrumSettings(use_symmetry=False)
    kept = replace(without, checkpoint=tmp_path)
    whole, n_whole = products.of(lambda: mo.solve_all_sectors(problem, FILLING, **options, settings=without))
    products.dies_at = len(products) + int(0.8 * n_whole)
    with pytest.raises(Killed):
        mo.solve_all_sectors(problem, FILLING, **options, settings=kept)
    assert sorted(path.name[12:] for path in tmp_path.iterdir()) == [
        "-levels-0.1.h5",
        "-sector-4.0.h5",
        "-sector-4.1.h5",
    ]
    products.dies_at = None
    resumed, n_resumed = products.of(lambda: mo.solve_all_sectors(problem, FILLING, **options, settings=kept))
    same(resumed, whole)
    assert 0 < n_resumed < 0.4 * n_whole
    assert not list(tmp_path.glob("*-sector-*"))  # finished sectors need no state


@pytest.mark.parametrize(
    "solve",
    [
        lambda problem, **how: spectral_flow(problem, (2, 3), 1, n_steps=2, settings=mo.SpectrumSettings(**how)),
        pytest.param(
            lambda problem, **how: many_body_chern(problem, (2, 3), (2, 2), settings=mo.SpectrumSettings(**how)),
            marks=pytest.mark.slow,
        ),
        lambda problem, **how: charge_gap(problem, (2, 3), mo.SpectrumSettings(**how)),
    ],
    ids=["flow", "phases", "charge gap"],
)
def test_everything_built_on_spectra_resumes_where_it_was_killed(small_problem, products, tmp_path, solve, monkeypatch):
    monkeypatch.setattr(eigensolvers, "DENSE_DIMENSION", 10)  # dense sectors are not kept
    problem = small_problem([3, 4])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeshWarning)  # few phases
        whole, n_whole = products.of(lambda: solve(problem))
        products.dies_at = len(products) + int(0.8 * n_whole)
        with pytest.raises(Killed):
            solve(problem, checkpoint=tmp_path)
        products.dies_at = None
        resumed, n_resumed = products.of(lambda: solve(problem, checkpoint=tmp_path))
    assert 0 < n_resumed < 0.3 * n_whole
    assert str(resumed) == str(whole)


@pytest.mark.filterwarnings("ignore::moire.errors.MeshWarning")  # few phases
def test_a_report_reads_every_spectrum_back(small_problem, products, tmp_path, monkeypatch):
    monkeypatch.setattr(eigensolvers, "DENSE_DIMENSION", 10)  # dense sectors are not kept
    problem = small_problem([3, 4])
    how = {"n_kept": 0, "flux_directions": (2,), "n_flux_steps": 2, "phase_mesh": (2, 2)}
    how["settings"] = mo.SpectrumSettings(checkpoint=tmp_path)
    first, n_first = products.of(lambda: fci_report(problem, (2, 3), **how))
    again, n_again = products.of(lambda: fci_report(problem, (2, 3), **how))
    assert n_first > 500
    assert n_again == 0
    assert str(again) == str(first)


@pytest.mark.slow
def test_a_killed_sweep_resumes_its_points(products, tmp_path, monkeypatch):
    monkeypatch.setattr(eigensolvers, "DENSE_DIMENSION", 10)
    task = FciTask(
        cluster=(3, 4), filling="-2/3", q_cutoff=2.0, n_eigenstates=2, n_kept=0, flux_directions=(1,), n_flux_steps=2,
        phase_mesh=(0, 0), with_charge_gap=False,
    )  # fmt: skip
    requests = [Request(point=POINT, task=task)]
    expected, n_whole = products.of(lambda: compute(requests[0]).record)
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    products.dies_at = len(products) + int(0.8 * n_whole)
    with pytest.raises(Killed):
        run_sweep(requests, folder, say=str)
    kept = folder.checkpoints / requests[0].key
    assert len(list(kept.iterdir())) > 5
    products.dies_at = None
    report, n_resumed = products.of(lambda: run_sweep(requests, folder, say=str))
    assert (report.computed, report.failures) == (1, ())
    assert 0 < n_resumed < 0.4 * n_whole
    record = read_record(folder.file_of(requests[0]))
    for name in ("spectrum/energies", "flow_1/energies"):
        np.testing.assert_array_equal(record[name], expected[name])
    assert not folder.checkpoints.exists()


def test_a_sweep_keeps_nothing_of_finished_points(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    ed = Request(point=POINT, task=EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=1.0))
    bands = Request(point=POINT, task=BandsTask(mesh=(2, 2), points_per_segment=1, n_bands=1))
    assert folder.checkpoint_of(bands) is None
    run_sweep([ed, bands], folder, say=str)
    assert not folder.checkpoints.exists()
    (folder.checkpoint_of(ed) / "left by a kill.h5").touch()
    assert run_sweep([ed, bands], folder, say=str).skipped == 2
    assert not folder.checkpoints.exists()


@pytest.mark.parametrize("task", [BandsTask(), ChernTask()], ids=lambda task: task.name)
def test_a_task_that_keeps_no_checkpoint_refuses_one(task, tmp_path):
    sentence = f"`checkpoint` must be given to a task that resumes, such as ed, but is given to {task.name}"
    with pytest.raises(InputError, match=sentence):
        compute(Request(point=POINT, task=task), checkpoint=tmp_path)


@pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.name)
def test_tasks_take_what_they_say(kind):
    assert {"self", "point", *kind.takes} == set(inspect.signature(kind.compute).parameters)


def test_solvers_refuse_what_they_would_not_use(small_problem, tmp_path):
    pairs = mo.exact_diagonalization.PairHamiltonian.from_problem(small_problem([2, 3]))
    hamiltonian = SectorHamiltonian(pairs, mo.exact_diagonalization.MomentumSector(pairs.orbitals, 3, 0))
    for solver in ("dense", "arpack"):
        for name in ("block_size", "n_krylov"):
            with pytest.raises(InputError, match=f"`{name}` must be left out with a solver other than 'lanczos'"):
                mo.EigensolverSettings(solver=solver, **{name: 9})
        settings = mo.EigensolverSettings(solver=solver)
        with pytest.raises(InputError, match="`checkpoint` must be left out with a solver other than 'lanczos'"):
            mo.exact_diagonalization.solve_sector(hamiltonian, 1, settings, checkpoint=tmp_path / "x")
    with pytest.raises(InputError, match="`settings` must be EigensolverSettings for one sector"):
        mo.exact_diagonalization.solve_sector(hamiltonian, 1, mo.SpectrumSettings(progress=True))
    with pytest.raises(InputError, match="`checkpoint` must be a folder that exists, but is absent"):
        mo.solve_all_sectors(small_problem([2, 3]), (1, 3), settings=mo.SpectrumSettings(checkpoint="absent"))


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(small_problem, tmp_path, monkeypatch, caplog):
    kept = Checkpoint(tmp_path / "run", "key")
    kept.save({"a": np.array([1])})
    opened = h5py.File

    def full(path, mode="r"):
        if mode == "w":
            raise OSError(28, "No space left on device")
        return opened(path, mode)

    monkeypatch.setattr(h5py, "File", full)
    kept.save({"a": np.array([2])})
    assert "`checkpoint` cannot be written to" in caplog.text
    monkeypatch.setattr(h5py, "File", opened)
    kept.save({"a": np.array([3])})  # over the older slot, not over the good one
    assert Checkpoint(tmp_path / "run", "key").load()["a"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.0.h5", "run.1.h5"]
    monkeypatch.setattr(h5py, "File", full)
    first = mo.solve_all_sectors(
        small_problem(SHAPE), FILLING, 1, momenta=[(0, 0)], settings=mo.SpectrumSettings(checkpoint=tmp_path)
    )
    same(first, mo.solve_all_sectors(small_problem(SHAPE), FILLING, 1, momenta=[(0, 0)]))
