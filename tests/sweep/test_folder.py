"""A results folder survives what happens to its marker, its permissions and its leftovers."""

import contextlib
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import pytest

from moire.errors import FileFormatError, InputError, SchemaError
from moire.io import SCHEMA, write_record
from moire.parameters import WANG_2023
from moire.sweep import BandsTask, ModelPoint, Request, ResultsFolder, collect, compute, run_sweep

REQUEST = Request(
    point=ModelPoint(parameters=WANG_2023, twist_deg=3.5, plane_wave_shells=2),
    task=BandsTask(mesh=(3, 3), points_per_segment=2),
)


@pytest.fixture(scope="module")
def record():
    return compute(REQUEST).record


@pytest.fixture
def folder(tmp_path, record):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    write_record(folder.file_of(REQUEST), record)
    return folder


def marker(folder):
    return folder.path / "moire.json"


@contextlib.contextmanager
def unprivileged():
    """The rights of a common user, which root does not have to respect otherwise."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_the_marker_is_written_once(folder):
    before = marker(folder).stat()
    folder.open_for_writing()
    after = marker(folder).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b'{"schema"', b"[]", b"[" * 100_000, None])
def test_a_marker_lost_beside_points_is_restored_with_a_sentence(folder, content, caplog):
    marker(folder).unlink()
    if content is not None:
        marker(folder).write_bytes(content)
    assert collect(folder).tables["bands"].n_rows == 1  # reading needs no marker
    folder.open_for_writing()
    assert json.loads(marker(folder).read_text())["schema"] == SCHEMA
    said = f"{marker(folder)} could not be read and is restored; the points beside it are kept."
    assert [entry.getMessage() for entry in caplog.records] == ([said] if content is not None else [])
    assert run_sweep([REQUEST], folder, say=str).skipped == 1


def test_a_folder_left_before_its_first_point_opens_again(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    marker(folder).write_text("")  # as a kill in the write left it
    folder.open_for_writing()
    marker(folder).unlink()
    (folder.points / ".bands-x.tmp").write_text("")
    folder.open_for_writing()
    assert json.loads(marker(folder).read_text())["schema"] == SCHEMA


def test_the_points_of_another_schema_are_not_given_a_marker(folder):
    with h5py.File(folder.file_of(REQUEST), "r+") as file:
        file.attrs["schema"] = 99
    marker(folder).write_text("")
    with pytest.raises(SchemaError, match="but has 99"):
        folder.open_for_writing()
    assert marker(folder).read_text() == ""


@pytest.mark.parametrize("name", ["points/data.csv", "moire.json", "points.txt"])
def test_a_folder_of_another_program_is_refused(tmp_path, name):
    (tmp_path / "points").mkdir()
    (tmp_path / name).write_text("1, 2")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises((InputError, FileFormatError), match="must be"):
        ResultsFolder(tmp_path).open_for_writing()


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_kill_while_the_marker_is_written_leaves_none(tmp_path, monkeypatch, step):
    def die(*_):
        raise KeyboardInterrupt

    folder = ResultsFolder(tmp_path / "results")
    monkeypatch.setattr(os, step, die)
    with pytest.raises(KeyboardInterrupt):
        folder.open_for_writing()
    assert [path.name for path in folder.path.iterdir()] == ["points"]
    monkeypatch.undo()
    folder.open_for_writing()
    assert marker(folder).exists()


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    assert json.loads(marker(folder).read_text())["schema"] == SCHEMA


def test_many_processes_open_one_new_folder_at_once(tmp_path):
    with ThreadPoolExecutor(4) as threads:
        for number in range(25):
            folders = [ResultsFolder(tmp_path / str(number)) for _ in range(4)]
            assert list(threads.map(lambda folder: folder.open_for_writing(), folders)) == [None] * 4
            assert sorted(path.name for path in (tmp_path / str(number)).iterdir()) == ["moire.json", "points"]


def test_old_temporary_files_go_and_those_of_the_future_too(folder):
    now = marker(folder).stat().st_mtime
    names = {"old": now - 7200, "new": now, "soon": now + 60, "future": now + 1e8}
    for name, time in names.items():
        for place in (folder.points, folder.path):
            path = place / f".{name}.tmp"
            path.write_text("")
            os.utime(path, (time, time))
    folder.open_for_writing()
    for place in (folder.points, folder.path):
        assert sorted(path.name for path in place.glob(".*.tmp")) == [".new.tmp", ".soon.tmp"]


def test_a_read_only_folder_serves_what_is_finished(record):
    with tempfile.TemporaryDirectory() as place:  # which others may enter, unlike tmp_path
        Path(place).chmod(0o755)
        folder = ResultsFolder(Path(place) / "results")
        folder.open_for_writing()
        write_record(folder.file_of(REQUEST), record)
        for path in (folder.points, folder.path):
            path.chmod(0o555)
        with unprivileged():
            folder.open_for_writing()
            assert run_sweep([REQUEST], folder, say=str).skipped == 1
            other = Request(point=REQUEST.point, task=BandsTask(mesh=(3, 3), points_per_segment=3))
            with pytest.raises(InputError, match=r"^`output` must be a folder that can be written, but .*denied"):
                run_sweep([other], folder, say=str)
        folder.path.chmod(0o755)
        folder.points.chmod(0o755)
