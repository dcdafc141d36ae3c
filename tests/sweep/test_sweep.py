"""Sweeps: one file per point, resumed after anything, no failure takes the others with it."""

import h5py
import numpy as np
import pytest

from moire.errors import InputError, SchemaError
from moire.io import FileStatus, file_status, read_record, read_spectrum
from moire.report.figures import draw_file, draw_folder
from moire.sweep import ResultsFolder, collect, parse_plan, run_sweep, write_summary
from moire.sweep import point as run_module

PLAN = parse_plan(
    {
        "tasks": ["bands", "chern", "ed"],
        "model": {"parameter_set": "WANG_2023", "twist_deg": [3.5, 3.7], "plane_wave_shells": 3},
        "bands": {"mesh": [6, 6], "points_per_segment": 3},
        "chern": {"bands": [[0]], "mesh": [6, 6]},
        "interaction": {"q_cutoff": 2},
        "ed": [{"cluster": [2, 3], "filling": "-2/3"}],
    }
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = ResultsFolder(tmp_path_factory.mktemp("sweep"))
    folder.open_for_writing()
    lines = []
    report = run_sweep(PLAN.requests(), folder, say=lines.append)
    assert (report.computed, report.skipped, report.failures, report.damaged) == (6, 0, (), ())
    assert sum(line.startswith("[") for line in lines) == 6
    texts = [line for line in lines if line.startswith("    Warning: ")]
    assert len(texts) == len(lines) - 6 > 0
    assert all(text.endswith("plane_wave_shells would do.") for text in texts)
    assert "left" in lines[0]
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    folder = ResultsFolder(tmp_path / "copy")
    folder.open_for_writing()
    for path in finished.files():
        (folder.points / path.name).write_bytes(path.read_bytes())
    return folder


def rerun(folder):
    lines = []
    return run_sweep(PLAN.requests(), folder, say=lines.append), "\n".join(lines)


def test_every_request_has_its_file(finished):
    for request in PLAN.requests():
        record = read_record(finished.file_of(request))
        assert record.kind == request.task.name
        assert record.attributes["key"] == request.key
        assert record.attributes["request"] == request.canonical()
        for name, dataset in record.datasets.items():
            assert dataset.doc, name


def test_finished_points_are_skipped(copy):
    stamps = {path: path.stat().st_mtime_ns for path in copy.files()}
    report, text = rerun(copy)
    assert (report.computed, report.skipped) == (0, 6)
    assert "6 of 6 points are already finished" in text
    assert {path: path.stat().st_mtime_ns for path in copy.files()} == stamps


def test_a_missing_and_a_truncated_file_are_computed_again_to_the_same_bits(copy, finished):
    requests = [request for request in PLAN.requests() if request.task.name == "ed"]
    copy.file_of(requests[0]).unlink()
    broken = copy.file_of(requests[1])
    broken.write_bytes(broken.read_bytes()[:-1000])
    report, text = rerun(copy)
    assert (report.computed, report.skipped, report.damaged) == (2, 4, (broken,))
    assert f"{broken} is damaged and will be recomputed." in text
    for request in requests:
        new, old = (read_spectrum(read_record(folder.file_of(request))) for folder in (copy, finished))
        np.testing.assert_array_equal(new.energies, old.energies)


def test_swapped_and_copied_files_are_computed_again(copy, finished):
    first, second, third, *_ = copy.files()
    before = {path.name: path.read_bytes() for path in copy.files()}
    first.write_bytes(before[second.name])
    second.write_bytes(before[first.name])
    third.write_bytes(before[first.name])
    report, text = rerun(copy)
    assert (report.computed, report.skipped) == (3, 3)
    assert set(report.damaged) == {first, second, third}
    for path in report.damaged:
        assert f"{path} is damaged and will be recomputed." in text
        new, old = (read_record(folder.points / path.name).datasets for folder in (copy, finished))
        assert new.keys() == old.keys()
        for name in new:
            np.testing.assert_array_equal(new[name].values, old[name].values)


def test_a_failed_point_is_recorded_and_tried_again(copy, monkeypatch):
    bad = PLAN.requests()[0]
    for request in PLAN.requests():
        copy.file_of(request).unlink()
    genuine = run_module.compute

    def fail(request, **how):
        if request == bad:
            raise ZeroDivisionError("on purpose")
        return genuine(request, **how)

    monkeypatch.setattr(run_module, "compute", fail)
    report, text = rerun(copy)
    assert (report.computed, report.skipped) == (5, 0)
    assert report.failures == ((bad.title, "ZeroDivisionError: on purpose"),)
    assert "ZeroDivisionError: on purpose" in text
    record = read_record(copy.file_of(bad))
    assert file_status(copy.file_of(bad)) is FileStatus.FAILED
    assert "Traceback" in record.attributes["traceback"]
    assert collect(copy).failures == ((bad.title, "ZeroDivisionError: on purpose"),)
    monkeypatch.undo()
    report, _ = rerun(copy)
    assert (report.computed, report.skipped, report.failures) == (1, 5, ())


def test_an_interrupt_while_a_kernel_compiles_is_no_failed_point(copy, monkeypatch):
    path = copy.files()[0]
    path.unlink()

    def be_interrupted(_, **how):
        error = RuntimeError("compilation failed")
        error.__context__ = KeyboardInterrupt()
        raise error

    monkeypatch.setattr(run_module, "compute", be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        rerun(copy)
    assert not path.exists()


def test_another_schema_is_refused_and_nothing_is_lost(copy):
    path = copy.files()[0]
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = 999
    before = path.read_bytes()
    with pytest.raises(SchemaError, match=r"has 999"):
        rerun(copy)
    assert path.read_bytes() == before
    (copy.path / "moire.json").write_text('{"schema": 0}')
    with pytest.raises(SchemaError, match=r"has 0"):
        copy.open_for_writing()
    with pytest.raises(SchemaError, match=r"has 0"):
        collect(copy)


def test_the_summary_holds_the_figures_and_can_be_rebuilt(copy):
    summary = collect(copy)
    table = summary.tables["ed"]
    spectra = [read_spectrum(read_record(path)) for path in copy.files() if path.name.startswith("ed")]
    np.testing.assert_array_equal(table["theta"], [3.5, 3.7])
    np.testing.assert_array_equal(table["gap"], [spectrum.manifold.gap for spectrum in spectra])
    np.testing.assert_allclose(summary.tables["chern"]["chern_0"], -1, atol=1e-9)
    path = write_summary(copy, summary)
    record = read_record(path)
    np.testing.assert_array_equal(record["bands/width_0"], summary.tables["bands"]["width_0"])
    assert record.datasets["bands/width_0"].unit == "meV"
    assert "theta (deg)" in str(summary)


def test_a_damaged_point_is_named_in_the_summary(copy):
    path = copy.files()[0]
    path.write_bytes(b"no HDF5")
    ((name, error),) = collect(copy).failures
    assert name == path.name
    assert "damaged" in error


def test_an_empty_folder_has_no_summary(tmp_path):
    with pytest.raises(InputError, match=r"has no point files"):
        collect(ResultsFolder(tmp_path))


def test_figures(copy, tmp_path):
    summary = collect(copy)
    names = {path.name for path in draw_folder(copy, summary, tmp_path / "figures")}
    assert names == {"bands.png", "bands-trend.png", "fci-trend.png", "spectrum-2x3-nu-2_3-eps10.png"}
    for path in copy.files():
        target = draw_file(path, tmp_path / f"{path.stem}.pdf")
        assert target.stat().st_size > 1000
    with pytest.raises(InputError, match=r"`figure` must end in \.png"):
        draw_file(copy.files()[0], tmp_path / "figure.foo")


def test_a_folder_full_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("do not touch")
    with pytest.raises(InputError, match=r"`output` must be a new or empty folder"):
        ResultsFolder(tmp_path).open_for_writing()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_output_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"`output` must be a folder"):
        ResultsFolder(tmp_path / "file").open_for_writing()
