"""The index of a folder: only files that changed are read, and tables are the same with it and without."""

import os
import tracemalloc

import numpy as np
import pytest

from moire.errors import SchemaError
from moire.io import Dataset, FileStatus, Record, write_record
from moire.sweep import ResultsFolder, collect
from moire.sweep import index as index_module
from moire.sweep.points import StoredPoint, read_point
from tests.stored_points import record_of, request_at, store

REQUESTS = [request_at(3 + 0.1 * i) for i in range(6)]


@pytest.fixture
def folder(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    for i, request in enumerate(REQUESTS):
        more = {"many": Dataset(np.arange(3.0), "", ("x",), "a line")} if i == 2 else {}
        more |= {"flag": Dataset(True, "", (), "of some"), "word": Dataset(f"w{i}", "", (), "text")} if i % 2 else {}
        store(folder, request, record_of(request, **more))
    return folder


@pytest.fixture
def reads(monkeypatch):
    """Names of the files that were read."""
    names = []

    def counted(path):
        names.append(path.name)
        return read_point(path)

    monkeypatch.setattr(index_module, "read_point", counted)
    return names


def name(i):
    return REQUESTS[i].file_name


def test_unchanged_files_are_not_read_again(folder, reads):
    first = str(collect(folder))
    assert sorted(reads) == sorted(map(name, range(6)))
    reads.clear()
    assert str(collect(folder)) == first
    assert set(folder.survey(REQUESTS).values()) == {FileStatus.FINISHED}
    assert collect(folder, [REQUESTS[0].key]).tables["bands"].n_rows == 1
    assert reads == []


def test_a_table_is_the_same_with_the_index_and_without(folder):
    read = collect(folder).tables["bands"]
    again = collect(folder).tables["bands"]
    os.utime(folder.file_of(REQUESTS[3]))  # read again, and put between the others
    mixed = collect(folder).tables["bands"]
    (folder.path / index_module.INDEX).unlink()
    without = collect(folder).tables["bands"]
    assert read.n_rows == 8
    for other in (again, mixed, without):
        assert list(other.columns) == list(read.columns)
        for column, dataset in read.columns.items():
            np.testing.assert_array_equal(other[column], dataset.values)
            assert other[column].dtype == dataset.values.dtype
            assert (other.columns[column].unit, other.columns[column].doc) == (dataset.unit, dataset.doc)
    np.testing.assert_allclose(read["theta"], [3, 3.1, 3.2, 3.2, 3.2, 3.3, 3.4, 3.5])
    np.testing.assert_array_equal(read["many"], [np.nan, np.nan, 0, 1, 2, np.nan, np.nan, np.nan])
    assert list(read["word"]) == ["nan", "w1", "nan", "nan", "nan", "w3", "nan", "w5"]
    np.testing.assert_array_equal(read["flag"], [np.nan, 1, np.nan, np.nan, np.nan, 1, np.nan, 1])


def test_only_what_changed_is_read(folder, reads):
    collect(folder)
    reads.clear()
    store(folder, REQUESTS[1], record_of(REQUESTS[1], gap=Dataset(1.5, "meV", (), "new")))
    os.utime(folder.file_of(REQUESTS[2]))
    folder.file_of(REQUESTS[3]).unlink()
    table = collect(folder).tables["bands"]
    assert sorted(reads) == sorted([name(1), name(2)])
    assert table.n_rows == 7
    assert 1.5 in table["gap"]
    reads.clear()
    assert folder.survey(REQUESTS)[REQUESTS[3]] is FileStatus.ABSENT
    assert reads == []


def test_a_file_of_the_same_size_and_time_but_another_digest_is_read(folder, reads):
    path = folder.file_of(REQUESTS[0])
    collect(folder)
    reads.clear()
    before = path.stat()
    store(folder, REQUESTS[0], record_of(REQUESTS[0], width_0=Dataset(7.0, "meV", (), "a width")))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert collect(folder).tables["bands"]["width_0"][0] == 7.0
    assert reads == [name(0)]


def test_a_survey_of_one_point_leaves_the_index_alone(folder, reads):
    absent = request_at(4.5)
    assert folder.survey([REQUESTS[0]]) == {REQUESTS[0]: FileStatus.FINISHED}
    assert folder.survey([absent]) == {absent: FileStatus.ABSENT}
    assert reads == []
    assert not (folder.path / index_module.INDEX).exists()


def test_a_survey_of_some_points_reads_no_others(folder, reads):
    folder.survey(REQUESTS[:2])
    assert sorted(reads) == sorted([name(0), name(1)])
    folder.survey(REQUESTS[:3])
    assert len(reads) == 3


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(200), None])
def test_an_index_that_cannot_be_read_is_made_anew(folder, reads, content):
    first = str(collect(folder))
    index = folder.path / index_module.INDEX
    if content is None:
        write_record(index, Record("index", {}, {}))
    else:
        index.write_bytes(content)
    reads.clear()
    assert str(collect(folder)) == first
    assert len(reads) == 6
    assert str(collect(folder)) == first
    assert len(reads) == 6


def test_a_folder_that_cannot_be_written_is_shown(folder, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(index_module, "write_record", refused)
    assert collect(folder).tables["bands"].n_rows == 8
    assert not (folder.path / index_module.INDEX).exists()


def test_another_schema_is_refused(folder, monkeypatch):
    monkeypatch.setattr("moire.io.hdf5.SCHEMA", 1)
    store(folder, REQUESTS[0])
    monkeypatch.undo()
    with pytest.raises(SchemaError, match="must have schema 2, but has 1"):
        folder.survey(REQUESTS)


def test_memory_of_many_points_is_that_of_their_table(tmp_path, monkeypatch):
    """About a hundred numbers a point, however large the files are; a record of each would be 50 kB."""
    folder = ResultsFolder(tmp_path)
    folder.open_for_writing()
    n = 1200
    for i in range(n):
        (folder.points / f"bands-3.000deg-D0-{i:012x}.h5").touch()

    def synthetic(path):
        number = float(int(path.stem.rpartition("-")[2], 16))
        columns = {f"c{j}": Dataset(number + j, "meV", (), "a value") for j in range(10)}
        columns["theta"] = Dataset(number, "deg", (), "angle")
        return StoredPoint("bands", "a title", "", columns)

    monkeypatch.setattr(index_module, "read_point", synthetic)
    monkeypatch.setattr("moire.sweep.rows._FLUSH", 200)
    collect(folder, [])  # imports
    tracemalloc.start()
    try:
        summary = collect(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert summary.tables["bands"].n_rows == n
    np.testing.assert_array_equal(summary.tables["bands"]["c1"], np.arange(n) + 1.0)
    assert peak / n < 8 * 1024
