"""Refinement of boundaries: where a name differs, and where a number of any task changes its sign."""

from itertools import pairwise

import numpy as np
import pytest

from moire.errors import InputError
from moire.io import Dataset
from moire.parameters import WANG_2023
from moire.sweep import EdTask, ModelPoint, Request, ResultsFolder, Table, collect, midpoints, parse_plan, run_plan
from moire.sweep.boundary_points import families

POINT = ModelPoint(parameters=WANG_2023, twist_deg=3.7, plane_wave_shells=3)
ED = EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=2.0, n_eigenstates=1)
MODEL = {"parameter_set": "WANG_2023", "twist_deg": 3.7, "plane_wave_shells": 3}


def table_of(name, rows):
    columns = zip(("theta", "D", "epsilon", name), zip(*rows, strict=True), strict=True)
    return Table({column: Dataset(np.array(values)) for column, values in columns})


def between(table, template=None, step=1.0, **how):
    template = template or Request(point=POINT, task=ED)
    found = midpoints(table, template, "displacement_mev", step, **how)
    return [(request.point.displacement_mev, request.task.epsilon_r) for request in found]


def test_a_gap_that_changes_its_sign_is_a_boundary():
    gaps = [(3.7, d, eps, 4.0 - d / 5 + eps / 10) for d in (0.0, 10.0, 20.0, 30.0, 40.0) for eps in (5.0, 80.0)]
    assert between(table_of("gap", gaps)) == [(25.0, 5.0)]  # zero at 22.5 meV, and at 60
    assert between(table_of("gap", gaps), level=1.0) == [(15.0, 5.0)]
    assert between(table_of("gap", gaps), step=10.0) == []


def test_a_number_that_is_not_known_is_no_boundary():
    assert between(table_of("gap", [(3.7, 0.0, 10.0, 1.0), (3.7, 10.0, 10.0, np.nan), (3.7, 20.0, 10.0, -1.0)])) == []


def test_truth_values_and_texts_have_boundaries_where_they_differ():
    signs = table_of("fci_signature", [(3.7, d, 10.0, d < 15) for d in (0.0, 10.0, 20.0)])
    assert between(signs, column="fci_signature") == [(15.0, 10.0)]
    names = table_of("answers_yes", [(3.7, d, 10.0, "7/7" if d < 5 else "6/7") for d in (0.0, 10.0, 20.0)])
    assert between(names, column="answers_yes") == [(5.0, 10.0)]


def test_every_constant_of_exact_diagonalization_is_a_request():
    gaps = [(3.7, d, eps, 1.0 - d) for d in (0.0, 10.0) for eps in (5.0, 10.0)]
    assert between(table_of("gap", gaps)) == [(5.0, 5.0), (5.0, 10.0)]
    other = Request(point=POINT, task=EdTask(cluster=(3, 4), filling="-2/3"))
    same = Request(
        point=POINT, task=EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=2.0, n_eigenstates=1, epsilon_r=3.0)
    )
    first = Request(point=POINT, task=ED)
    assert families([first, other, same]) == [[first, same], [other]]


def test_a_task_without_dielectric_constant_is_refined_too():
    (request,) = parse_plan({"tasks": ["chern"], "model": MODEL}).requests()
    columns = {"theta": [3.7, 3.7], "D": [0.0, 10.0], "chern_0": [-1.0, 0.0]}
    table = Table({name: Dataset(np.array(values)) for name, values in columns.items()})
    (middle,) = midpoints(table, request, "displacement_mev", 1.0, "chern_0", -0.5)
    assert (middle.task, middle.point.displacement_mev) == (request.task, 5.0)


def test_a_column_that_is_not_there():
    with pytest.raises(
        InputError, match=r"`column` must be a column of the summary of ed, but is 'gapp'; did you mean"
    ):
        between(table_of("gap", [(3.7, 0.0, 10.0, 1.0)]), column="gapp")


def plan_of(refine, **changes):
    ed = [{"cluster": [2, 3], "filling": "-2/3", "n_eigenstates": 1}]
    table = {"tasks": ["ed", "bands"], "model": MODEL | {"displacement_mev": [0, 40]}, "ed": ed}
    small = {"bands": {"mesh": [3, 3], "points_per_segment": 1}, "interaction": {"q_cutoff": 2, "epsilon_r": [5, 10]}}
    asked = {} if refine is None else {"refine": refine}
    return parse_plan(table | small | asked | changes)


def test_a_plan_refines_a_number_of_exact_diagonalization(tmp_path):
    folder = ResultsFolder(tmp_path)
    folder.open_for_writing()
    plain, _ = run_plan(plan_of(None), folder, say=lambda _: None)
    table = collect(folder, [request.key for request in plain]).tables["ed"]
    ends = {
        float(d): e
        for d, e, eps in zip(table["D"], table["energy_per_carrier"], table["epsilon"], strict=True)
        if eps == 5
    }
    level = 0.7 * ends[0.0] + 0.3 * ends[40.0]
    refine = {"task": "ed", "column": "energy_per_carrier", "level": level, "min_step": 10}
    lines = []
    requests, report = run_plan(plan_of(refine), folder, say=lines.append)
    assert not report.failures
    assert any(line.startswith("Refining boundaries: ") for line in lines)
    added = [request for request in requests if request not in plain]
    assert {request.task.name for request in added} == {"ed"}
    table = collect(folder, [request.key for request in requests]).tables["ed"]
    for constant in (5, 10):
        rows = np.nonzero(table["epsilon"] == constant)[0]
        sides = table["energy_per_carrier"][rows] > level
        for (i, before), (j, after) in pairwise(zip(rows, sides, strict=True)):
            assert before == after or table["D"][j] - table["D"][i] <= 10
    again, resumed = run_plan(plan_of(refine), folder, say=lines.append)
    assert again == requests
    assert resumed.computed == 0


def test_refinement_stays_where_the_conditions_hold(tmp_path):
    folder = ResultsFolder(tmp_path)
    folder.open_for_writing()
    refine = {"task": "ed", "column": "energy_per_carrier", "level": -60.0, "min_step": 10}  # passed at epsilon 10
    plan = plan_of(refine, where="abs(displacement_mev - 20) > 1")
    found = plan.admits(Request(point=ModelPoint(parameters=WANG_2023, twist_deg=3.7, displacement_mev=20.0), task=ED))
    assert found is None
    requests, _ = run_plan(plan, folder, say=lambda _: None)
    assert 20.0 not in {request.point.displacement_mev for request in requests}


def test_a_column_that_no_task_has_is_told_after_the_points(tmp_path):
    folder = ResultsFolder(tmp_path)
    folder.open_for_writing()
    with pytest.raises(InputError, match=r"`column` must be a column of the summary of bands, but is 'gap'"):
        run_plan(plan_of({"task": "bands", "column": "gap"}), folder, say=lambda _: None)
    assert len(folder.files()) == 6  # all points are kept


@pytest.mark.parametrize(
    ("refine", "changes", "sentence"),
    [
        ({}, {}, "`refine.task` must be one of the tasks of the plan, ed, bands, but is 'hf'."),
        ({"task": "bands"}, {}, "`refine.column` must name a column of the task bands, but names none."),
        (
            {"task": "ed"},
            {"zip": ["displacement_mev", "epsilon_r"]},
            "`refine.axis` must be no axis taken together with others, but is 'displacement_mev'.",
        ),
        ({"task": "edd"}, {}, "`refine.task` must be 'bands', 'chern', 'topology', 'hf', 'ed' or 'fci', but is 'edd'."),
    ],
)
def test_what_cannot_be_refined(refine, changes, sentence):
    with pytest.raises(InputError) as caught:
        plan_of(refine, **changes).requests()
    assert str(caught.value) == sentence
