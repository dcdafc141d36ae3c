"""Results of a sweep as arrays by axis and as tables for other programs."""

import csv
import sys
from types import ModuleType

import numpy as np
import pytest

from moire.errors import EnvironmentMismatchError, InputError
from moire.io import Dataset, read_record
from moire.sweep import ResultsFolder, TaskArrays, collect, load_sweep, parse_plan, run_sweep, write_table
from moire.sweep.collect import Table

PLAN = parse_plan(
    {
        "tasks": ["bands", "ed"],
        "model": {
            "parameter_set": "WANG_2023",
            "twist_deg": [3.5, 3.7],
            "displacement_mev": [0, 5, 10],
            "plane_wave_shells": 3,
        },
        "bands": {"mesh": [3, 3], "points_per_segment": 1, "n_bands": 2},
        "interaction": {"q_cutoff": 2, "epsilon_r": [5, 10]},
        "ed": [{"cluster": [2, 3], "filling": "-2/3", "n_eigenstates": 1}],
        "where": "displacement_mev < 10 or twist_deg > 3.6",
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A sweep with one spectrum missing: that at 3.7 degrees, 10 meV and epsilon 5."""
    opened = ResultsFolder(tmp_path_factory.mktemp("load"))
    opened.open_for_writing()
    unfinished = [r for r in PLAN.requests() if r.point.displacement_mev == 10 and r.task.name == "ed"]
    run_sweep([r for r in PLAN.requests() if r not in unfinished[:1]], opened, say=lambda _: None)
    return opened


def test_arrays_have_the_axes_of_the_plan(folder):
    spectra = load_sweep(folder.path, PLAN)["ed"]
    assert list(spectra.axes) == ["epsilon", "D", "theta"]
    assert spectra.shape == (2, 3, 2)
    np.testing.assert_array_equal(spectra["theta"], [3.5, 3.7])
    assert spectra.units["gap"] == "meV"
    assert spectra.fixed["cluster"] == "2x3"
    table = collect(folder).tables["ed"]
    for row in range(table.n_rows):
        place = tuple(np.searchsorted(spectra[name], table[name][row]) for name in spectra.axes)
        assert spectra["energy_per_carrier"][place] == table["energy_per_carrier"][row]
    missing = {(0, 2, 1), (0, 2, 0), (1, 2, 0)}  # unfinished, and twice outside the conditions
    assert {tuple(place) for place in np.argwhere(np.isnan(spectra["converged"])).tolist()} == missing
    np.testing.assert_array_equal(spectra.finished, ~np.isnan(spectra["energy_per_carrier"]))
    assert spectra["converged"].dtype == float
    assert not spectra["gap"].flags.writeable
    assert "ed: epsilon (2), D (3), theta (2); 9 of 12 points finished; converged, energy_per_carrier" in str(spectra)
    assert {"energy_per_carrier", "gap", "fci_signature"} <= set(spectra)


def test_without_a_plan_the_axes_are_those_of_the_folder(folder, tmp_path):
    few = ResultsFolder(tmp_path / "few")
    few.open_for_writing()
    for path in folder.files():
        if "D10-" not in path.name and "D5-" not in path.name:
            (few.points / path.name).write_bytes(path.read_bytes())
    assert load_sweep(few.path)["bands"].shape == (2,)
    assert load_sweep(str(few.path), PLAN)["bands"].shape == (3, 2)
    widths = load_sweep(few.path, PLAN)["bands"]["width_0"]
    assert np.isnan(widths[1:]).all()
    assert (widths[0] > 0).all()


def test_one_point_has_no_axes():
    table = Table({name: Dataset(np.array([value])) for name, value in (("theta", 3.7), ("D", 0.0), ("gap", 2.5))})
    alone = TaskArrays("bands", table)
    assert alone.shape == ()
    assert alone["gap"] == 2.5
    assert alone.finished
    assert alone.fixed == {"D": 0.0, "theta": 3.7}
    assert str(alone) == "bands: one point; 1 of 1 points finished; gap"


def test_texts_are_empty_where_a_point_is_unfinished():
    columns = {"theta": [3.0, 4.0, 3.0], "D": [0.0, 0.0, 1.0], "phase": ["QAH", "metal", "AFMz"]}
    arrays = TaskArrays("hf", Table({name: Dataset(np.array(values)) for name, values in columns.items()}))
    assert arrays["phase"].tolist() == [["QAH", "metal"], ["AFMz", ""]]
    assert arrays.rows()["phase"].tolist() == columns["phase"]


def test_what_cannot_be_arranged():
    columns = {"theta": [3.0, 4.0, 3.0], "gap": [1.0, 2.0, 3.0]}
    arrays = TaskArrays("ed", Table({name: Dataset(np.array(values)) for name, values in columns.items()}))
    with pytest.raises(
        InputError, match=r"hold one result of ed at each point, but has 2 with .* at theta = 3\.0; the"
    ):
        arrays["gap"]
    with pytest.raises(InputError, match=r"`name` must be a result of ed, but is 'gapp'; did you mean 'gap'\?"):
        arrays["gapp"]
    twice = TaskArrays("ed", Table({"theta": Dataset(np.array([3.0, 3.0])), "gap": Dataset(np.array([1.0, 2.0]))}))
    with pytest.raises(InputError, match=r"has 2 with different options; the plan"):
        twice["gap"]


def test_a_line_through_a_large_plane_is_refused_as_an_array():
    line = np.arange(10.0**6)
    columns = {name: Dataset(line) for name in ("theta", "D", "gap")}
    with pytest.raises(MemoryError, match=r"An array of ed over D x theta would take .*; `rows` would fit\."):
        TaskArrays("ed", Table(columns))["gap"]


def test_xarray_gets_dims_coordinates_and_units(folder, monkeypatch):
    given = ModuleType("xarray")
    given.Dataset = lambda *parts: parts
    monkeypatch.setitem(sys.modules, "xarray", given)
    results, coordinates, attributes = load_sweep(folder.path, PLAN)["ed"].to_xarray()
    dims, values, described = results["energy_per_carrier"]
    assert dims == ("epsilon", "D", "theta")
    assert values.shape == (2, 3, 2)
    assert described == {"units": "meV", "long_name": "lowest energy per carrier"}
    assert coordinates["theta"][0] == ("theta",)
    assert coordinates["theta"][2]["units"] == "deg"
    assert attributes["task"] == "ed"
    monkeypatch.setitem(sys.modules, "xarray", None)  # as if not installed
    with pytest.raises(EnvironmentMismatchError, match=r"`to_xarray` must find the package xarray, but"):
        load_sweep(folder.path)["bands"].to_xarray()


def test_a_table_in_csv_has_units_and_all_digits(folder, tmp_path):
    path = write_table(tmp_path / "ed.csv", collect(folder), "ed")
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    table = collect(folder).tables["ed"]
    assert head[:2] == ["parameters", "cluster"]
    assert "theta (deg)" in head
    assert len(rows) == table.n_rows == 9
    column = head.index("energy_per_carrier (meV)")
    np.testing.assert_array_equal([float(row[column]) for row in rows], table["energy_per_carrier"])
    assert {row[head.index("converged")] for row in rows} == {"true"}
    assert [file.name for file in tmp_path.iterdir()] == ["ed.csv"]
    mask = path.stat().st_mode & 0o777
    assert mask == (tmp_path / "plain").touch() or mask & 0o400


def test_a_table_in_hdf5_is_a_summary(folder, tmp_path):
    path = write_table(tmp_path / "all.h5", collect(folder))
    record = read_record(path)
    assert record.kind == "summary"
    np.testing.assert_array_equal(record["ed/gap"], collect(folder).tables["ed"]["gap"])
    assert {name.split("/")[0] for name in record.datasets} == {"bands", "ed"}
    write_table(path, collect(folder), "ed")  # an earlier summary is replaced
    assert {name.split("/")[0] for name in read_record(path).datasets} == {"ed"}


@pytest.mark.parametrize(
    ("name", "task", "sentence"),
    [
        ("x.txt", "ed", r"`to` must end in \.csv, \.parquet, \.h5, but is '.*x\.txt'\."),
        ("x.csv", "", r"`task` must name one task for a table in \.csv, but the folder holds points of bands, ed\."),
        ("x.csv", "hf", r"`task` must be one with finished points, of bands, ed, but is 'hf'\."),
        ("mine.csv", "ed", r"`to` must be a new file, but .*mine\.csv exists\."),
        ("mine.csv/x.csv", "ed", r"`to` must lie in a folder that can be written"),
    ],
)
def test_tables_that_cannot_be_written(folder, tmp_path, name, task, sentence):
    (tmp_path / "mine.csv").write_text("mine")
    with pytest.raises(InputError, match=sentence):
        write_table(tmp_path / name, collect(folder), task)
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_parquet_without_pyarrow_is_one_sentence(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        EnvironmentMismatchError, match=r"^`to` must end in \.csv or \.h5 without pyarrow, but [^\n]*\.$"
    ):
        write_table(tmp_path / "x.parquet", collect(folder), "ed")


def test_a_full_disk_leaves_no_half_table(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("moire.sweep.table_files._write_csv", full)
    with pytest.raises(InputError, match=r"`to` must be a file that can be written, but .* is not: .*No space left"):
        write_table(tmp_path / "x.csv", collect(folder), "ed")
    assert not list(tmp_path.iterdir())
