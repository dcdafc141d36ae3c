"""A file of any task comes back as its result, by one function."""

import pytest

import moire as mo
from moire.io import Record, write_record
from moire.parameters import WANG_2023
from moire.sweep import TASKS, ModelPoint, Request, compute
from moire.tasks import BandsTask, ChernTask, EdTask

POINT = ModelPoint(parameters=WANG_2023, twist_deg=3.7, plane_wave_shells=3)


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (BandsTask(n_bands=1, mesh=(3, 3), points_per_segment=2), tuple),
        (ChernTask(bands=((0,),), mesh=(6, 6)), tuple),
        (EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=1.0), mo.Spectrum),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_file_comes_back_as_its_result(task, kind, tmp_path):
    path = tmp_path / "result.h5"
    record = compute(Request(point=POINT, task=task)).record
    write_record(path, record)
    assert isinstance(mo.read_result(path), kind)
    figure = TASKS[task.name].figure(record, "title")
    assert figure.axes


def test_a_file_of_no_task_is_refused(tmp_path):
    write_record(tmp_path / "other.h5", Record("summary", {}, {}))
    with pytest.raises(mo.InputError, match=r"`path` must hold one of bands, .*, but holds 'summary'"):
        mo.read_result(tmp_path / "other.h5")
