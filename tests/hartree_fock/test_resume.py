"""A Hartree-Fock solution that is killed resumes from its checkpoint."""

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.hartree_fock import resume
from moire.hartree_fock.mean_field import MeanField
from moire.parameters import WANG_2023
from moire.sweep import HfTask, ModelPoint, Request, ResultsFolder
from moire.sweep.point import run_point
from moire.tasks.compute import compute
from tests.hartree_fock.test_hartree_fock import build_problem


class Killed(BaseException):
    """Stands for the signal that ends a process."""


class Builds:
    """Counts builds of mean fields, and raises after a number of them."""

    def __init__(self, monkeypatch):
        self.count, self.last = 0, np.inf
        whole = MeanField.interaction

        def counted(mean_field, density_matrix):
            if self.count >= self.last:
                raise Killed
            self.count += 1
            return whole(mean_field, density_matrix)

        monkeypatch.setattr(MeanField, "interaction", counted)

    def during(self, function, last=np.inf):
        self.count, self.last = 0, last
        result = function()
        self.last = np.inf
        return result, self.count


@pytest.fixture
def builds(monkeypatch):
    monkeypatch.setattr(resume, "_SHARE", np.inf)  # every iterate is written, however fast it is made
    return Builds(monkeypatch)


@pytest.fixture(scope="module")
def mean_field(build_model):
    return hf.MeanField(build_problem(build_model, (3, 3), displacement_mev=20.0))


@pytest.mark.parametrize("share", [0.3, 0.8])
@pytest.mark.parametrize("solvers", [("diis",), ("oda", "newton"), ("oda", "diis", "newton")])
def test_a_killed_solution_resumes(mean_field, builds, tmp_path, solvers, share):
    plain = hf.ScfSettings(solvers=solvers)
    settings = hf.ScfSettings(solvers=solvers, checkpoint=tmp_path)
    (whole, needed) = builds.during(lambda: hf.solve_hartree_fock(mean_field, 2, "AFMxy", settings=plain))
    assert whole.converged
    killed_after = max(3, int(share * needed))
    with pytest.raises(Killed):
        builds.during(lambda: hf.solve_hartree_fock(mean_field, 2, "AFMxy", settings=settings), killed_after)
    assert list(tmp_path.glob("*-scf.*.h5"))
    resumed, more = builds.during(lambda: hf.solve_hartree_fock(mean_field, 2, "AFMxy", settings=settings))
    assert resumed.converged
    assert resumed.residual < settings.tolerance_mev
    assert resumed.energy_per_cell == pytest.approx(whole.energy_per_cell, abs=1e-9)
    np.testing.assert_allclose(resumed.moments.occupations, whole.moments.occupations, atol=1e-6)
    assert resumed.n_iterations >= len({step.solver for step in whole.history})
    if share > 0.5 and solvers != ("diis",):  # extrapolation begins anew from its best state
        assert more < 0.7 * needed
    # the steps before the kill are part of the history
    before = [step.residual for step in whole.history]
    np.testing.assert_allclose([step.residual for step in resumed.history][:2], before[:2], rtol=1e-6)


def test_a_finished_solution_is_read_with_its_bits(mean_field, builds, tmp_path):
    settings = hf.ScfSettings(checkpoint=tmp_path)
    first = hf.solve_hartree_fock(mean_field, 2, "random", settings=settings, seed=3)
    again, count = builds.during(lambda: hf.solve_hartree_fock(mean_field, 2, "random", settings=settings, seed=3))
    assert count == 0
    np.testing.assert_array_equal(again.density_matrix, first.density_matrix)
    assert again.history == first.history
    assert again.residual == first.residual
    plain = hf.solve_hartree_fock(mean_field, 2, "random", seed=3)
    np.testing.assert_array_equal(plain.density_matrix, first.density_matrix)  # a checkpoint changes no bit


def test_another_solution_has_files_of_its_own(mean_field, builds, tmp_path):
    def files():
        return {path.name.split(".")[0] for path in tmp_path.iterdir()}

    settings = hf.ScfSettings(checkpoint=tmp_path)
    calls = [
        {"guess": "AFMz"},
        {"guess": "AFMxy"},
        {"guess": "AFMz", "filling": 1},
        {"guess": "AFMz", "symmetry": "valley_diagonal"},
        {"guess": "AFMz", "settings": hf.ScfSettings(checkpoint=tmp_path, tolerance_mev=1e-5)},
        {"guess": "AFMz", "problem": mean_field.rescaled(19.0)},
    ]
    for number, call in enumerate(calls, 1):
        hf.solve_hartree_fock(**({"problem": mean_field, "filling": 2, "settings": settings} | call))
        assert len(files()) == number
    with pytest.raises(mo.InputError, match="`checkpoint` must be a folder that exists"):
        hf.solve_hartree_fock(mean_field, 2, "AFMz", settings=hf.ScfSettings(checkpoint=tmp_path / "missing"))


def test_a_killed_ground_state_keeps_its_finished_solutions(mean_field, builds, tmp_path):
    def solve(checkpoint):
        settings = hf.ScfSettings(checkpoint=checkpoint)
        return hf.ground_state(mean_field, 2, ("AFMxy", "AFMz", "layer_polarised"), settings=settings)

    whole, needed = builds.during(lambda: solve(None))
    with pytest.raises(Killed):
        builds.during(lambda: solve(tmp_path), needed // 2)
    resumed, more = builds.during(lambda: solve(tmp_path))
    assert more < 0.7 * needed
    energies = [state.energy_per_cell for state in whole.solutions]
    np.testing.assert_allclose([state.energy_per_cell for state in resumed.solutions], energies, atol=1e-9)
    assert [state.guess for state in resumed.solutions] == [state.guess for state in whole.solutions]


def test_a_killed_point_of_a_sweep_resumes(builds, tmp_path):
    task = HfTask(mesh=(3, 3), n_bands=1, q_cutoff=1.5, guesses=("AFMxy", "AFMz"), n_searches=1)
    point = ModelPoint(parameters=WANG_2023, twist_deg=3.89, displacement_mev=20.0, plane_wave_shells=3)
    request = Request(point=point, task=task)
    whole, needed = builds.during(lambda: compute(request))
    folder = ResultsFolder(tmp_path)
    folder.open_for_writing()
    with pytest.raises(Killed):
        builds.during(lambda: run_point(request, folder), needed // 2)
    assert list(folder.checkpoints.iterdir())
    report, more = builds.during(lambda: run_point(request, folder))
    assert not report.error
    assert more < needed
    assert not folder.checkpoints.exists()
    record = mo.io.read_record(folder.file_of(request))
    np.testing.assert_allclose(record["solutions/energy"], whole.record["solutions/energy"], atol=1e-8)
