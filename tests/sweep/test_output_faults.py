"""What fails at the border of the output costs the points concerned and no others, each with one sentence."""

import errno
import resource
import shutil
from contextlib import contextmanager

import pytest

from moire.cli import cli
from moire.errors import OutputError, writing
from moire.io import FileStatus, Record, file_status, write_record
from moire.parameters import WANG_2023
from moire.sweep import BandsTask, EdTask, ModelPoint, Request, ResultsFolder, run_sweep
from moire.sweep import folder as folder_module
from moire.sweep import point as run_module

TWISTS = (3.3, 3.4, 3.5, 3.6)
PLAN = f"""
name = "small"
tasks = ["bands"]
[model]
parameter_set = "WANG_2023"
twist_deg = {list(TWISTS)}
plane_wave_shells = 2
[bands]
mesh = [3, 3]
points_per_segment = 2
"""


def requests(task=BandsTask(mesh=(3, 3), points_per_segment=2)):  # noqa: B008 - frozen
    points = [ModelPoint(parameters=WANG_2023, twist_deg=twist, plane_wave_shells=2) for twist in TWISTS]
    return [Request(point=point, task=task) for point in points]


@pytest.fixture
def folder(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    return folder


@pytest.fixture
def sweep(tmp_path, capsys):
    """Return a function that runs the command with a plan of four points: exit code, output, errors."""
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)

    def run(*options):
        try:
            cli.main(["sweep", str(plan), "--output", str(tmp_path / "results"), *options], standalone_mode=False)
        except SystemExit as stop:
            return stop.code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return run


@contextmanager
def largest_file(n_bytes):
    """A limit on the size of files, at which a write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def after(monkeypatch, number, action):
    """Let `action` happen when point `number` has been computed and is about to be written."""
    genuine, done = run_module.compute, []

    def compute(request, **how):
        outcome = genuine(request, **how)
        done.append(request)
        if len(done) == number:
            action()
        return outcome

    monkeypatch.setattr(run_module, "compute", compute)
    return done


def test_a_folder_removed_in_mid_run_is_not_made_again(tmp_path, monkeypatch, sweep):
    computed = after(monkeypatch, 2, lambda: shutil.rmtree(tmp_path / "results"))
    code, out, errors = sweep()
    assert code == 1
    assert "1 computed, 0 already finished, 3 failed, 1 missing" in out
    assert len(computed) == 2  # nothing is computed for a folder that is gone
    first = tmp_path / "results" / "points" / requests()[0].file_name
    assert f"`{first}` must be there after the sweep, but is missing; the same command computes it." in errors
    assert not (tmp_path / "results").exists()


def test_one_file_removed_in_mid_run_is_named(tmp_path, monkeypatch, sweep):
    first = tmp_path / "results" / "points" / requests()[0].file_name
    after(monkeypatch, 3, first.unlink)
    code, out, errors = sweep()
    assert code == 1
    assert "4 computed, 0 already finished, 0 failed, 1 missing" in out
    assert errors.count("must be there after the sweep, but is missing") == errors.count(str(first)) == 1
    code, out, errors = sweep()
    assert (code, errors) == (0, "")
    assert "1 computed, 3 already finished" in out


def test_a_full_disk_is_one_sentence_for_each_point(tmp_path, sweep):
    with largest_file(12 * 1024):
        code, out, errors = sweep()
    assert code == 1
    assert "0 computed, 0 already finished, 4 failed" in out
    for request in requests():
        path = tmp_path / "results" / "points" / request.file_name
        assert f"{request.title}: `{path}` must be a file that can be written, but is not: " in out
    assert "has no point files" in errors
    assert list((tmp_path / "results" / "points").iterdir()) == []
    assert sweep()[0] == 0


def test_a_file_that_cannot_be_replaced_fails_alone(folder):
    blocked = folder.file_of(requests()[1])
    blocked.mkdir()
    (blocked / "something").write_text("")
    report = run_sweep(requests(), folder, say=str)
    assert (report.computed, len(report.failures), report.missing) == (3, 1, ())
    assert str(blocked) in report.failures[0][1]
    statuses = [file_status(folder.file_of(request)) for request in requests()]
    assert statuses.count(FileStatus.FINISHED) == 3


def test_an_unwritten_point_keeps_its_checkpoint(folder, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (request, *_) = requests(EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=1.0))
    monkeypatch.setattr(folder_module, "write_record", refuse)
    report = run_sweep([request], folder, say=str)
    assert "No space left on device" in report.failures[0][1]
    assert (folder.checkpoints / request.key).is_dir()
    monkeypatch.undo()
    assert run_sweep([request], folder, say=str).computed == 1
    assert not folder.checkpoints.exists()


def test_a_folder_of_checkpoints_that_cannot_be_made_costs_the_checkpoint_only(folder, caplog):
    folder.checkpoints.write_text("in the way")
    (request, *_) = requests(EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=1.0))
    assert run_sweep([request], folder, say=str).computed == 1
    assert "an interrupted point begins anew" in caplog.text


@pytest.mark.parametrize("name", ["summary.h5", "figures"])
def test_a_summary_or_figure_that_cannot_be_written_keeps_the_points(tmp_path, sweep, name):
    results = ResultsFolder(tmp_path / "results")
    results.open_for_writing()
    in_the_way = results.path / name
    if name == "figures":
        in_the_way.write_text("")
    else:
        (in_the_way / "x").mkdir(parents=True)
    code, out, errors = sweep("--plot")
    assert code == 1
    assert "4 computed" in out
    assert "theta (deg)" in out
    assert errors.count("Error: ") == errors.count(str(in_the_way)) == 1
    assert len(results.files()) == 4


def test_the_command_of_one_point_says_what_it_could_not_write(tmp_path):
    options = ["bands", "--twist", "3.5", "--mesh", "3x3", "--shells", "2", "--output", str(tmp_path / "b.h5")]
    with largest_file(4096), pytest.raises(OutputError, match=r"^`.*b\.h5` must be a file that can be written, but"):
        cli.main(options, standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_a_file_is_written_stays_one(tmp_path):
    error = RuntimeError("HDF5 stopped")
    error.__context__ = KeyboardInterrupt()
    with pytest.raises(RuntimeError, match="HDF5 stopped"), writing(tmp_path):
        raise error
    with writing(tmp_path / "record.h5"):
        write_record(tmp_path / "record.h5", Record("example", {}, {}))
