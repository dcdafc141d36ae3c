"""Conditions, axes taken together, and base plans."""
# ruff: noqa: E501 - one case a line reads best

import pytest

from moire.errors import InputError
from moire.sweep import HfTask, parse_plan, read_plan
from moire.sweep.conditions import Condition

MODEL = {
    "parameter_set": "WANG_2023",
    "twist_deg": [3.0, 3.5, 4.0],
    "displacement_mev": [0, 10, 20],
    "plane_wave_shells": 3,
}
ED = [{"cluster": [3, 4], "filling": "-2/3"}, {"cluster": [2, 3], "filling": "-1/3"}]
HF = [{"mesh": [3, 3], "n_bands": 2, "epsilon_r": [5, 10, 20]}]


def plan(**changes):
    return {"model": MODEL, "tasks": ["bands"], **changes}


def points(table):
    return [(r.point.twist_deg, r.point.displacement_mev) for r in parse_plan(table).requests()]


def test_conditions_keep_points_of_the_product():
    kept = points(plan(where="displacement_mev <= 20 * (twist_deg - 3)"))
    assert kept == [(3.0, 0), (3.5, 0), (3.5, 10), (4.0, 0), (4.0, 10), (4.0, 20)]
    both = points(
        plan(
            where=[
                "displacement_mev > 0",
                "twist_deg == 3.5 or not abs(twist_deg - 3.5) < 0.5 and displacement_mev == 20",
            ]
        )
    )
    assert both == [(3.0, 20), (3.5, 10), (3.5, 20), (4.0, 20)]


def test_numbers_that_differ_by_rounding_are_equal():
    table = plan(model=MODEL | {"twist_deg": {"start": 3, "stop": 3.3, "step": 0.1}, "displacement_mev": [31]})
    assert points(table | {"where": "displacement_mev == 10 * twist_deg"}) == [(3.1, 31)]  # 10 * 3.1 is not 31
    assert points(table | {"where": "displacement_mev >= 10 * twist_deg"}) == [(3.0, 31), (3.1, 31)]
    assert points(table | {"where": "displacement_mev < 10 * twist_deg"}) == [(3.2, 31), (3.3, 31)]


def test_a_condition_concerns_the_tasks_that_have_its_names():
    table = plan(tasks=["bands", "ed"], ed=ED, where=["cells > 6", "epsilon_r < 8", "task != 'bands' or twist_deg < 3.2"],
                 interaction={"epsilon_r": [5, 10]})  # fmt: skip
    requests = parse_plan(table).requests()
    assert sum(request.task.name == "bands" for request in requests) == 2 * 3 - 3  # 18x18 momenta, no epsilon_r
    spectra = [request.task for request in requests if request.task.name == "ed"]
    assert {(task.cluster, task.epsilon_r) for task in spectra} == {((3, 4), 5.0)}
    assert len(spectra) == 9
    assert len(parse_plan(plan(tasks=["ed"], ed=ED, where="filling < -0.5")).requests()) == 9


def test_a_condition_keeps_some_dielectric_constants_of_a_hartree_fock_task():
    found = parse_plan(plan(tasks=["hf"], hf=HF, where="epsilon_r * twist_deg >= 40")).requests()
    kept = {(request.point.twist_deg, request.task.epsilon_r) for request in found}
    assert kept == {(3.0, (20.0,)), (3.5, (20.0,)), (4.0, (10.0, 20.0))}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("twist_dge > 3", "; did you mean 'twist_deg'"),
        ("twist_deg", "be a comparison such as"),
        ("twist_deg and 3 > 2", "be a comparison"),
        ("twist_deg ** 9 ** 9 ** 9 > 1", "be a comparison"),
        ("__import__('os').remove('x') > 1", "compare task, twist_deg"),
        ("abs(twist_deg, 2) > 1", "be a comparison"),
        ("(lambda: 1)() > 0", "be a comparison"),
        ("task > 3", "be a comparison"),
        ("abs > 3", "be a comparison"),
        ("twist_deg > 3 ;", "be a comparison"),
        ("(" * 600, "be a comparison"),
        ("1 > " + "9" * 450, "be a comparison"),
        ("", "be a comparison"),
    ],
)
def test_what_is_no_condition(text, rule):
    with pytest.raises(ValueError, match=rule):
        Condition(text)
    with pytest.raises(InputError, match=r"^`where` must [^\n]*[.?]$"):
        parse_plan(plan(where=text))
    with pytest.raises(InputError, match=r"^`where\.1` must "):
        parse_plan(plan(where=["twist_deg > 1", text]))


def test_conditions_that_fail_at_points():
    with pytest.raises(InputError, match=r"`where` must hold at some point, but holds at none\."):
        points(plan(where="twist_deg > 30"))
    with pytest.raises(InputError, match=r"`where` must not divide by zero, but '1 / \(twist_deg - 3.5\) > 1' does at"):
        points(plan(where="1 / (twist_deg - 3.5) > 1"))


def test_axes_taken_together():
    assert points(plan(zip=["twist_deg", "displacement_mev"])) == [(3.0, 0), (3.5, 10), (4.0, 20)]
    table = plan(tasks=["ed"], ed=ED, interaction={"epsilon_r": [5, 10, 20]})
    along = [(r.point.twist_deg, r.point.displacement_mev, r.task.epsilon_r, r.task.cluster) for r in
             parse_plan(table | {"zip": ["twist_deg", "displacement_mev", "epsilon_r"]}).requests()]  # fmt: skip
    assert along == [(t, d, e, c) for t, d, e in ((3.0, 0, 5), (3.5, 10, 10), (4.0, 20, 20)) for c in ((3, 4), (2, 3))]
    partly = parse_plan(table | {"zip": ["displacement_mev", "epsilon_r"]}).requests()
    assert {(r.point.displacement_mev, r.task.epsilon_r) for r in partly} == {(0, 5), (10, 10), (20, 20)}
    assert len(partly) == 3 * 3 * 2
    states = parse_plan(plan(tasks=["hf"], hf=HF, zip=["twist_deg", "epsilon_r"])).requests()
    assert {(r.point.twist_deg, r.task.epsilon_r) for r in states} == {(3.0, (5,)), (3.5, (10,)), (4.0, (20,))}
    assert all(isinstance(request.task, HfTask) for request in states)
    assert len(states) == 9


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"zip": ["twist_deg"]}, "`zip` must name two axes or more, each once, but is ['twist_deg']."),
        ({"zip": ["twist_deg", "twist_deg"]}, "`zip` must name two axes or more, each once, but is ['twist_deg', 'twist_deg']."),
        (
            {"zip": ["twist_deg", "displacement_mev"], "model": MODEL | {"twist_deg": [3, 4]}},
            "`zip` must name axes with as many values each, but there are 2 of twist_deg, 3 of displacement_mev.",
        ),
        ({"zip": ["cells", "twist_deg"]}, "`zip.0` must be 'twist_deg', 'displacement_mev' or 'epsilon_r', but is 'cells'."),
        ({"extends": "x.toml"}, "`extends` must be left out of a plan that is not read from a file, but is 'x.toml'."),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_together(changes, sentence):
    with pytest.raises(InputError) as caught:
        parse_plan(plan(**changes)).requests()
    assert str(caught.value) == sentence


def test_a_plan_extends_another(tmp_path):
    (tmp_path / "base.toml").write_text(
        'name = "base"\ntasks = ["bands"]\n[model]\nparameter_set = "WANG_2023"\n'
        "twist_deg = { start = 3, stop = 4, step = 0.5 }\nplane_wave_shells = 3\n[bands]\nmesh = [3, 3]\nn_bands = 2\n"
        '[[ed]]\ncluster = [3, 4]\nfilling = "-2/3"\n[[ed]]\ncluster = [2, 3]\nfilling = "-1/3"\n'
    )
    (tmp_path / "below").mkdir()
    child = tmp_path / "below" / "child.toml"
    child.write_text(
        'extends = "../base.toml"\ntasks = ["bands", "ed"]\n[model]\ntwist_deg = 3.7\n[bands]\nn_bands = 1\n'
        '[[ed]]\ncluster = [3, 3]\nfilling = "-1/3"\n'
    )
    plan = read_plan(child)
    assert plan.name == "base"
    assert plan.model.twist_deg == (3.7,)
    assert plan.model.plane_wave_shells == 3
    assert (plan.bands.mesh, plan.bands.n_bands) == ((3, 3), 1)
    assert [table.cluster for table in plan.ed] == [(3, 3)]  # a list is replaced
    grandchild = tmp_path / "below" / "grandchild.toml"
    grandchild.write_text('extends = "child.toml"\nname = "third"\n')
    assert read_plan(grandchild).requests() == plan.requests()
    (tmp_path / "base.toml").write_text((tmp_path / "base.toml").read_text().replace("[3, 3]", "[0, 3]"))
    with pytest.raises(InputError) as caught:
        read_plan(grandchild).requests()
    assert str(caught.value).endswith("base.toml, line 8: `bands.mesh` must have positive integer sides, but is 0x3.")
    child.write_text(child.read_text().replace("twist_deg = 3.7", "twist_dge = 3.7"))
    with pytest.raises(InputError, match=r"child.toml, line 4: `model.twist_dge` is not a key"):
        read_plan(grandchild)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('extends = "absent.toml"', "line 1: `extends` must be a readable file, but .*absent.toml is not"),
        ('\nextends = "plan.toml"', "line 2: `extends` must end at a plan that extends no other"),
        ("extends = 3", "line 1: `extends` must be the name of a file in quotes, but is 3"),
        (r'extends = "\u0000"', r"line 1: `extends` must be the name of a file in quotes, but is '\\x00'"),
        (f'extends = "{"n" * 300}"', "line 1: `extends` must be a readable file"),
        ('extends = "bad.toml"', "line 1: `extends` must be valid TOML, but .*bad.toml is not: "),
    ],
)
def test_what_cannot_be_extended(text, sentence, tmp_path):
    (tmp_path / "plan.toml").write_text(text)
    (tmp_path / "bad.toml").write_text("= 3")
    with pytest.raises(InputError, match=f"plan.toml, {sentence}"):
        read_plan(tmp_path / "plan.toml")
