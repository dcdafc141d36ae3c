"""Plans: what they mean, and what a wrong one is told."""

from pathlib import Path

import pytest

from moire.errors import InputError
from moire.parameters import WANG_2023
from moire.sweep import BandsTask, EdTask, ModelPoint, Request, parse_plan, read_plan

MODEL = {"parameter_set": "WANG_2023", "twist_deg": [3.0, 3.5]}
DEMO = Path(__file__).parents[2] / "data" / "plans" / "demo.toml"


def plan(**changes):
    return {"model": MODEL, "tasks": ["bands"], **changes}


def test_the_demo_plan_is_the_main_job():
    requests = read_plan(DEMO).requests()
    angles = {request.point.twist_deg for request in requests}
    assert len(angles) >= 6
    assert min(angles) == 2.5
    assert max(angles) == 4.5
    runs = {(r.task.cluster, r.task.filling, r.task.epsilon_r) for r in requests if isinstance(r.task, EdTask)}
    assert runs == {((3, 4), "-2/3", 10.0), ((3, 5), "-2/3", 10.0), ((3, 5), "-3/5", 10.0)}
    assert len(requests) == len(angles) * (2 + len(runs))


def test_ranges_products_and_defaults():
    table = plan(
        tasks=["bands", "ed"],
        model=MODEL | {"twist_deg": {"start": 3.0, "stop": 3.3, "step": 0.1}, "displacement_mev": [0, 10]},
        interaction={"epsilon_r": [5, 10]},
        ed=[{"cluster": [[2, 1], [-1, 4]], "filling": "-2/3"}],
    )
    requests = parse_plan(table).requests()
    assert len(requests) == 4 * 2 * (1 + 2)
    assert sorted({request.point.twist_deg for request in requests}) == [3.0, 3.1, 3.2, 3.3]


def test_points_stand_in_the_order_of_nested_loops():
    requests = parse_plan(
        {
            "tasks": ["ed", "bands"],
            "model": {"parameter_set": "WANG_2023", "twist_deg": [3.7, 3.5], "displacement_mev": [5, 0]},
            "interaction": {"epsilon_r": [10, 5]},
            "ed": [{"cluster": [3, 3], "filling": "-2/3"}, {"cluster": [2, 3], "filling": "-2/3"}],
        }
    ).requests()
    points = [(request.point.twist_deg, request.point.displacement_mev) for request in requests]
    assert list(dict.fromkeys(points)) == [(3.7, 5), (3.7, 0), (3.5, 5), (3.5, 0)]  # the field runs fastest
    assert points == [point for point in dict.fromkeys(points) for _ in range(5)]
    for first in range(0, len(requests), 5):
        bands, *spectra = (request.task for request in requests[first : first + 5])
        assert bands == BandsTask()
        assert [(task.cluster, task.epsilon_r) for task in spectra] == [
            ((3, 3), 10), ((3, 3), 5), ((2, 3), 10), ((2, 3), 5),
        ]  # fmt: skip


def test_repeated_points_are_done_once():
    assert len(parse_plan(plan(model=MODEL | {"twist_deg": [3.0, 3.0, 3]})).requests()) == 1


def test_user_defined_set():
    fields = {
        "name": "MINE",
        "potential_mev": 20.8,
        "potential_phase_deg": -107.7,
        "tunnelling_mev": -23.8,
        "effective_mass": 0.6,
        "lattice_constant_nm": 0.352,
    }
    (request, *_) = parse_plan(plan(model=MODEL | {"parameter_set": fields})).requests()
    assert request.point.parameters.potential_mev == 20.8
    assert request.point.parameters.reference == "user-defined"


def test_keys_depend_on_content_alone():
    point = ModelPoint(parameters=WANG_2023, twist_deg=3, plane_wave_shells=5)
    same = ModelPoint(parameters=WANG_2023, twist_deg=3.0, plane_wave_shells=5.0)
    other = ModelPoint(parameters=WANG_2023, twist_deg=3.0, plane_wave_shells=6.0)
    task = BandsTask()
    assert Request(point=point, task=task).key == Request(point=same, task=task).key
    assert Request(point=point, task=task).key != Request(point=other, task=task).key
    assert Request(point=point, task=task).file_name == Request(point=same, task=task).file_name


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (plan(model=MODEL | {"twist_dge": 3}), r"`model.twist_dge` is not a key of a plan; did you mean 'twist_deg'\?"),
        (plan(modle=MODEL), r"`modle` is not a key of a plan; did you mean 'model'\?"),
        (
            plan(ed=[{"cluster": [3, 4], "fillings": "-2/3"}]),
            r"`ed.0.fillings` is not a key .* did you mean 'filling'\?",
        ),
        (plan(bands={"mesh": [18]}), r"`bands.mesh` must hold two values, but is \[18\]\."),
        ({"tasks": ["bands"]}, r"`model` must be given, but is missing"),
        (
            plan(model=MODEL | {"twist_deg": "wide"}),
            r"`model.twist_deg` must be a number, a list, or a table with .*, but is 'wide'",
        ),
        (plan(model=MODEL | {"twist_deg": {"start": 3, "stop": 2, "step": 1}}), r"`model.twist_deg` must be a number"),
        (plan(model=MODEL | {"twist_deg": []}), r"`model.twist_deg` must"),
        (plan(name="../other"), r"`name` must be a plain folder name, .* but is '../other'"),
        (plan(tasks=["bandz"]), r"`tasks.0` must be 'bands', 'chern', 'topology', 'hf', 'ed' or 'fci', but is 'bandz'"),
        (plan(interaction={"gates": "triple"}), r"`interaction.gates` must be 'dual', 'single' or 'none'"),
        (plan(model=MODEL | {"parameter_set": {"name": "X"}}), r"`model.parameter_set.potential_mev` must be given"),
    ],
)
def test_wrong_plans_get_one_sentence(table, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        parse_plan(table)
    assert str(caught.value)[-1] in ".?"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            plan(model=MODEL | {"parameter_set": "WANG"}),
            r"must be a published set, but is 'WANG'; did you mean 'WANG_2023'",
        ),
        (plan(model=MODEL | {"twist_deg": [3, -1]}), r"`twist_deg` must lie in \(0, 30\] degrees, but is -1.0"),
        (plan(tasks=["ed"]), r"`ed` must list at least one"),
        (
            plan(tasks=["ed"], ed=[{"cluster": [3, 4], "filling": "-2/3"}], interaction={"epsilon_r": [5, -1]}),
            r"`epsilon_r` must be positive, but is -1.0",
        ),
        (plan(tasks=["topology"], topology={"index_radius": 5}), r"`index_radius` must lie in \[0, 1\]"),
        (plan(tasks=["topology"], topology={"mesh": [5, 6]}), r"`mesh` must be even along b_1"),
        (
            plan(tasks=["ed"], ed=[{"cluster": [3, 4], "filling": "-3/5"}]),
            r"integer number .* on 3x4; .*3x5.* would fit",
        ),
        (plan(tasks=["ed"], ed=[{"cluster": [[1, 2], [2, 4]], "filling": "-1/2"}]), r"nonzero determinant"),
        (plan(tasks=["ed"], ed=[{"cluster": [8, 9], "filling": "-2/3"}]), r"at most 64 orbitals, but has 72"),
        (plan(model=MODEL | {"plane_wave_shells": 1}, bands={"n_bands": 20}), r"`n_bands` must lie in 1..14"),
        (
            plan(
                tasks=["ed"],
                ed=[{"cluster": [3, 4], "filling": "-2/3"}],
                interaction={"gates": "none", "zero_momentum": "keep"},
            ),
            r"`zero_momentum` must be 'drop' without gates",
        ),
    ],
)
def test_impossible_points_are_refused_before_any_work(table, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_plan(table).requests()


def test_unreadable_plans(tmp_path):
    with pytest.raises(InputError, match=r"must be a readable file"):
        read_plan(tmp_path / "absent.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("model = [")
    with pytest.raises(InputError, match=r"must be valid TOML"):
        read_plan(bad)
