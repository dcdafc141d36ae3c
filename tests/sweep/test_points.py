"""Finished means that a file holds the point of its name: anything else is damaged, named, and computed again."""

import json
import os
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from moire._digest import append_digest
from moire.errors import FileFormatError
from moire.io import Dataset, FileStatus, Record, read_record, write_record
from moire.sweep import EdTask, Request, ResultsFolder, collect, parse_plan
from moire.sweep.points import read_point
from moire.tasks.request import coordinates_of, file_name_of, key_of
from tests.stored_points import record_of, request_at, store

FIRST, SECOND = request_at(3.5), request_at(3.7)


@pytest.fixture
def folder(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    for request in (FIRST, SECOND):
        store(folder, request)
    return folder


def rewrite(folder, change):
    """Write the first point again with a digest that agrees, after a change of its record."""
    record = record_of(FIRST)
    attributes, datasets = dict(record.attributes), dict(record.datasets)
    kind = change(attributes, datasets) or record.kind
    write_record(folder.file_of(FIRST), Record(kind, datasets, attributes))


def swapped(folder):
    first, second = folder.file_of(FIRST), folder.file_of(SECOND)
    other = first.with_suffix(".x")
    first.rename(other)
    second.rename(first)
    other.rename(second)


def copied(folder):
    shutil.copy(folder.file_of(SECOND), folder.file_of(FIRST))


def emptied(folder):
    rewrite(folder, lambda attributes, datasets: datasets.clear())


def no_bytes(folder):
    folder.file_of(FIRST).write_bytes(b"")


def a_folder(folder):
    folder.file_of(FIRST).unlink()
    folder.file_of(FIRST).mkdir()


def a_pipe(folder):
    folder.file_of(FIRST).unlink()
    os.mkfifo(folder.file_of(FIRST))


def unreadable(folder):
    """A link to itself: it cannot be opened even by root."""
    folder.file_of(FIRST).unlink()
    folder.file_of(FIRST).symlink_to(folder.file_of(FIRST).name)


def with_attribute(name, value):
    def write(folder):
        def change(attributes, _):
            attributes.pop(name) if value is None else attributes.update({name: value})

        rewrite(folder, change)

    return write


def with_column(name, values, dims=()):
    def write(folder):
        def change(_, datasets):
            datasets[f"summary/{name}"] = Dataset(values, "", dims, "planted")

        rewrite(folder, change)

    return write


def of_kind(kind):
    return lambda folder: rewrite(folder, lambda attributes, datasets: kind)


def without_kind(folder):
    path = folder.file_of(FIRST)
    with h5py.File(path, "r+") as file:
        del file.attrs["kind"]
    append_digest(path)


OTHER = json.loads(json.dumps(FIRST.canonical()))
OTHER["point"]["twist_deg"] = 3.6
FAULTS = {
    "swapped": (swapped, r"hold the point of its name, but is damaged: it holds bands-3\.700deg"),
    "copied": (copied, r"hold the point of its name, but is damaged: it holds bands-3\.700deg"),
    "emptied": (emptied, r"have parameters = WANG_2023 in its summary, but is damaged: it has None"),
    "no bytes": (no_bytes, r"be an HDF5 file, but has another format"),
    "a folder": (a_folder, r"be a file, but is a folder"),
    "a pipe": (a_pipe, r"be a file, but is a named pipe"),
    "unreadable": (unreadable, r"be a file that can be read, but is not"),
    "no key": (with_attribute("key", None), r"hold a point of a sweep, but is damaged: KeyError: 'key'"),
    "another key": (with_attribute("key", SECOND.key), r"hold the point of its name, but is damaged"),
    "no title": (with_attribute("title", None), r"hold a point of a sweep, but is damaged: KeyError: 'title'"),
    "no request": (with_attribute("request", None), r"hold a point of a sweep, but is damaged: KeyError: 'request'"),
    "request no JSON": (with_attribute("request", "{"), r"hold a point of a sweep, but is damaged: TypeError"),
    "another request": (with_attribute("request", OTHER), r"hold the point of its name, but is damaged"),
    "request of a list": (with_attribute("request", [1]), r"hold a point of a sweep, but is damaged: TypeError"),
    "no kind": (without_kind, r"be a whole HDF5 file, but is damaged or unreadable: KeyError: 'kind'"),
    "another kind": (of_kind("chern"), r"be of kind 'bands', but is damaged: it is of kind 'chern'"),
    "another angle": (with_column("theta", 3.6), r"have theta = 3\.5 in its summary, but is damaged: it has 3\.6"),
    "another field": (with_column("D", 1.0), r"have D = 0\.0 in its summary, but is damaged: it has 1\.0"),
    "another set": (with_column("parameters", "X"), r"have parameters = WANG_2023 in its summary, but .* it has X"),
    "a text as number": (with_column("epsilon", "ten"), r"have a number as epsilon in its summary, but is damaged"),
    "a plane": (with_column("a", np.ones((2, 2)), ("x", "y")), r"have columns in its summary, but .*: a is none"),
    "an axis unnamed": (with_column("a", np.ones(2)), r"have columns in its summary, but is damaged: a is none"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_damaged(folder, fault):
    change, sentence = FAULTS[fault]
    collect(folder)  # the index knows both as finished
    change(folder)
    path = folder.file_of(FIRST)
    with pytest.raises(FileFormatError, match=sentence):
        read_point(path)
    for _ in range(2):  # never taken up into the index
        assert folder.survey([FIRST, SECOND])[FIRST] is folder.survey([FIRST])[FIRST] is FileStatus.DAMAGED
        summary = collect(folder)
        assert path.name in dict(summary.failures)
        assert [3.5] not in summary.tables.get("bands", {"theta": []})["theta"]


def test_columns_of_different_lengths_are_damaged(folder):
    def change(_, datasets):
        datasets["summary/a"] = Dataset(np.ones(2), "", ("x",), "two")
        datasets["summary/b"] = Dataset(np.ones(3), "", ("x",), "three")

    rewrite(folder, change)
    with pytest.raises(FileFormatError, match=r"have columns of one length, but is damaged: they have \[2, 3\]"):
        read_point(folder.file_of(FIRST))


@pytest.mark.parametrize(("column", "value"), [("cluster", "3x4"), ("filling", "-1/3"), ("epsilon", 20.0)])
def test_columns_of_the_task_are_compared_with_its_options(folder, column, value):
    task = EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=2)
    request = Request(point=FIRST.point, task=task)
    path = store(folder, request)
    assert read_point(path).task == "ed"
    store(folder, request, record_of(request, **{column: Dataset(value, "", (), "planted")}))
    with pytest.raises(FileFormatError, match=rf"have {column} = .* in its summary, but is damaged: it has {value}"):
        read_point(path)


def test_a_failed_point_must_be_that_of_its_name(folder):
    def record(request):
        attributes = dict(record_of(request).attributes) | {"error": "ValueError: on purpose"}
        return Record("failure", {}, attributes)

    store(folder, FIRST, record(FIRST))
    assert folder.survey([FIRST]) == {FIRST: FileStatus.FAILED}
    store(folder, FIRST, record(SECOND))
    assert folder.survey([FIRST]) == {FIRST: FileStatus.DAMAGED}


PLAN = {
    "tasks": ["bands", "chern", "topology", "hf", "ed", "fci"],
    "model": {"parameter_set": "WANG_2023", "twist_deg": [3.7, 5], "displacement_mev": [-0.0, 1.5]},
    "hf": [{"filling": -1, "mesh": [3, 3], "epsilon_r": [10, 20.5]}],
    "ed": [{"cluster": [[3, 1], [-1, 3]], "filling": "2/5", "boundary_phase": [0.25, 0]}],
    "fci": [{"cluster": [3, 4], "filling": "1/3", "flux_directions": [1]}],
}


def test_the_request_in_a_file_names_it_as_the_request_of_the_plan_does():
    for request in parse_plan(PLAN).requests():
        stored = json.loads(json.dumps(request.canonical()))
        assert (key_of(stored), file_name_of(stored)) == (request.key, request.file_name)
        columns = coordinates_of(stored)
        assert columns.keys() == request.coordinates().keys()
        for name, column in request.coordinates().items():
            np.testing.assert_array_equal(columns[name].values, column.values)


def test_options_of_another_version_are_compared_as_far_as_they_go():
    stored = json.loads(json.dumps(FIRST.canonical()))
    stored["options"]["n_shells"] = 5
    assert coordinates_of(stored).keys() == {"parameters", "theta", "D"}


def test_escapes_for_the_terminal_are_shown_and_not_sent(folder, tmp_path):
    from click.testing import CliRunner

    from moire.cli import cli

    nasty = "\x1b]0;owned\x07\u202e"
    shown = r"\x1b]0;owned\x07\u202e"
    store(folder, FIRST, record_of(FIRST, **{"a": Dataset(nasty, nasty, (), nasty)}))
    failure = dict(record_of(SECOND).attributes) | {"title": nasty, "error": f"two\nlines {nasty}"}
    store(folder, SECOND, Record("failure", {}, failure))
    (folder.points / f"{nasty}.h5").write_text("")
    texts = [str(collect(folder))]
    single = replace(record_of(FIRST), attributes={"title": nasty, "note": nasty, nasty: 1})
    write_record(tmp_path / "one.h5", single)
    texts += [CliRunner().invoke(cli, ["show", str(path)]).output for path in (folder.path, tmp_path / "one.h5")]
    for text in texts:
        assert shown in text
        assert not set("\x1b\x07\u202e") & set(text)
    assert "two\nlines" in texts[0]


def test_a_file_without_digest_counts_as_finished(folder):
    """Files of earlier versions are not computed again."""
    path = folder.file_of(FIRST)
    with h5py.File(path, "r+") as file:
        del file.attrs["digest"]
    assert folder.survey([FIRST]) == {FIRST: FileStatus.FINISHED}
    assert read_record(path).kind == "bands"
