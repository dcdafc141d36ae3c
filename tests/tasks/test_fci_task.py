"""The task fci: the diagnostics together, their file and their figure."""

import numpy as np
import pytest

from moire.errors import InputError
from moire.io import read_fci, read_record, write_record
from moire.parameters import WANG_2023
from moire.report.figures import draw_file
from moire.sweep import FciTask, ModelPoint, Request, compute, parse_plan

POINT = ModelPoint(parameters=WANG_2023, twist_deg=3.7, plane_wave_shells=3)
OPTIONS = {"cluster": (3, 4), "filling": "-2/3", "q_cutoff": 2.0, "n_flux_steps": 4}


@pytest.fixture(scope="module")
def outcome():
    return compute(Request(point=POINT, task=FciTask(**OPTIONS)))


@pytest.fixture(scope="module")
def path(outcome, tmp_path_factory):
    path = tmp_path_factory.mktemp("fci") / "fci.h5"
    write_record(path, outcome.record)
    return path


def test_every_question_of_a_referee_is_answered(outcome):
    record = outcome.record
    assert record.kind == "fci"
    assert outcome.text.count("      yes  ") == 6
    assert "undecided  no charge-density wave" in outcome.text  # 3x4 does not hold the corners
    assert record["summary/answers_yes"] == "6/7"
    assert record["summary/many_body_chern"] == pytest.approx(-2, abs=1e-6)
    assert record["summary/fci_signature"]
    assert record["summary/charge_gap"] > 0
    assert record["summary/entanglement_gap"] > 1


def test_the_report_comes_back_from_its_file(path, outcome):
    report = read_fci(read_record(path))
    assert report.spectrum.manifold.is_signature
    assert str(report) == outcome.text.split("\nWarning")[0]
    assert [check.answer for check in report.checks].count(True) == 6
    assert len(report.flows) == 2
    np.testing.assert_allclose(report.occupation.mean.sum(), 8)
    assert report.structure.full.shape == report.structure.transfers.vectors.shape[:1]


def test_parts_may_be_left_out(tmp_path):
    options = OPTIONS | {"flux_directions": (), "phase_mesh": (0, 0), "with_charge_gap": False, "n_kept": 0}
    short = compute(Request(point=POINT, task=FciTask(**options)))
    write_record(tmp_path / "short.h5", short.record)
    report = read_fci(read_record(tmp_path / "short.h5"))
    assert (report.flows, report.chern, report.entanglement, report.charge) == ((), None, None, None)
    assert len(report.checks) == 2
    assert draw_file(tmp_path / "short.h5", tmp_path / "short.png").stat().st_size > 10_000


def test_figure(path, tmp_path):
    assert draw_file(path, tmp_path / "fci.png").stat().st_size > 10_000


def test_a_plan_holds_the_task():
    table = {
        "tasks": ["fci"],
        "model": {"parameter_set": "WANG_2023", "twist_deg": 3.7},
        "interaction": {"epsilon_r": [5, 10]},
        "fci": [{"cluster": [3, 5], "filling": "-2/3", "flux_directions": [1]}],
    }
    requests = parse_plan(table).requests()
    assert [request.task.epsilon_r for request in requests] == [5, 10]
    assert requests[0].title == "fci at 3.7 deg, D = 0 meV, 3x5 at -2/3, eps = 5"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"filling": "-1/2"}, r"`filling` must have an odd denominator, above 1, .* but is 1/2 on 3x4"),
        ({"filling": "-1"}, r"`filling` must have an odd denominator, above 1, .* but is 1 on 3x4"),
        ({"cluster": (3, 6), "n_eigenstates": 2}, r"`n_eigenstates` must be at least 3, the predicted states in one"),
        ({"n_kept": -2}, r"`n_kept` must be -1"),
        ({"n_kept": 5}, r"`n_kept` must be .* at most 4, the minority, but is 5"),
        ({"flux_directions": (3,)}, r"`flux_directions` must name directions 1 or 2, but names 3"),
        ({"flux_directions": (1, 1)}, r"`flux_directions` must name each direction once, but is \[1, 1\]"),
        ({"n_flux_steps": 1}, r"`n_flux_steps` must be at least 2"),
        ({"phase_mesh": (1, 6)}, r"`phase_mesh` must have sides of at least 2"),
    ],
)
def test_impossible_tasks_are_refused_before_any_work(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        Request(point=POINT, task=FciTask(**(OPTIONS | changes))).check()
