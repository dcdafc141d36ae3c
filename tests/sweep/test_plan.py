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
        (plan(model=MODEL | {"twist_deg": [3, -1]}), r"`model.twist_deg` must lie in \(0, 30\] degrees, but is -1.0"),
        (plan(tasks=["ed"]), r"`ed` must list at least one"),
        (
            plan(tasks=["ed"], ed=[{"cluster": [3, 4], "filling": "-2/3"}], interaction={"epsilon_r": [5, -1]}),
            r"`interaction.epsilon_r` must be positive, but is -1.0",
        ),
        (plan(tasks=["topology"], topology={"index_radius": 5}), r"`topology.index_radius` must lie in \[0, 1\]"),
        (plan(tasks=["topology"], topology={"mesh": [5, 6]}), r"`topology.mesh` must be even along b_1"),
        (
            plan(tasks=["ed"], ed=[{"cluster": [3, 4], "filling": "-3/5"}]),
            r"integer number .* on 3x4; .*3x5.* would fit",
        ),
        (plan(tasks=["ed"], ed=[{"cluster": [[1, 2], [2, 4]], "filling": "-1/2"}]), r"nonzero determinant"),
        (plan(tasks=["ed"], ed=[{"cluster": [8, 9], "filling": "-2/3"}]), r"at most 64 orbitals, but has 72"),
        (plan(model=MODEL | {"plane_wave_shells": 1}, bands={"n_bands": 20}), r"`bands.n_bands` must lie in 1..14"),
        (
            plan(
                tasks=["ed"],
                ed=[{"cluster": [3, 4], "filling": "-2/3"}],
                interaction={"gates": "none", "zero_momentum": "keep"},
            ),
            r"`interaction.zero_momentum` must be 'drop' without gates",
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


PARAMETERS = (
    "potential_mev=20, potential_phase_deg=-107, tunnelling_mev=-20, effective_mass=0.6, lattice_constant_nm=0.35"
)
HF, ED = "[[hf]]\n", '[[ed]]\nfilling="-2/3"\n'
ED3, FCI3 = ED + "cluster=[3,4]\n", '[[fci]]\nfilling="-2/3"\ncluster=[3,4]\n'


@pytest.mark.parametrize(
    ("lines", "key", "rule"),
    [
        # (table and key, the key in the sentence, part of its rule); the fault is on the last line
        ("[model]\ntwist_deg={start=1,stop=30,step=1e-12}", "model.twist_deg", "step >= 1e-9"),
        ("[model]\ntwist_deg={start=1,stop=30,step=1e-8}", "model.twist_deg", "ask for at most 100000 values"),
        ("[model]\ntwist_deg={start=1,stop=inf,step=1}", "model.twist_deg", "finite start <= stop"),
        ("[model]\ntwist_deg={start=1,stop=1e308,step=1}", "model.twist_deg", "at most 100000 values"),
        (f"[model]\ntwist_deg={{start=1,stop={'9' * 400},step=1}}", "model.twist_deg", "finite start <= stop"),
        ('[model]\ntwist_deg={start="a",stop=3,step=1}', "model.twist_deg", "finite start <= stop"),
        ("[model]\ntwist_deg=true", "model.twist_deg", "be a number"),
        ("[model]\ntwist_deg=[3,true]", "model.twist_deg.1", "be a number"),
        ('[model]\ntwist_deg="3"', "model.twist_deg", "be a number"),
        ("[model]\ntwist_deg=nan", "model.twist_deg", "be finite"),
        ("[model]\ndisplacement_mev=1e300", "model.displacement_mev", "be at most 1000000"),
        ("[model]\nplane_wave_shells=1e300", "model.plane_wave_shells", "be at most 100"),
        ("[model]\nplane_wave_shells=true", "model.plane_wave_shells", "be a number"),
        ("[model]\nvalley=true", "model.valley", "be an integer"),
        (f'[model]\nparameter_set={{name="\\u001b", {PARAMETERS}}}', "model.parameter_set.name", "printed on one line"),
        ("[bands]\nmesh=[30000,30000]", "bands.mesh.0", "be at most 10000"),
        (f"[bands]\nmesh=[3,{'9' * 40}]", "bands.mesh.1", "be at most 10000"),
        ("[bands]\nmesh=[true,3]", "bands.mesh.0", "be an integer"),
        ("[bands]\nmesh=[0,3]", "bands.mesh", "have positive integer sides"),
        ("[bands]\npoints_per_segment=1000000000000", "bands.points_per_segment", "be at most 10000"),
        ("[chern]\nbands=[]", "chern.bands", "hold at least one group"),
        ("[chern]\nbands=[[0,0]]", "chern.bands", "hold groups of different bands"),
        ("[chern]\nbands=[[0],[0]]", "chern.bands", "hold each group once"),
        ("[topology]\nmesh=[30000,30000]", "topology.mesh.0", "be at most 10000"),
        (HF + "mesh=[1000,1000]", "hf.0.mesh", "have at most 10000 momenta"),
        (HF + 'filling="1e1000000"', "hf.0.filling", "be a number of holes per cell"),
        (HF + f'filling="{"9" * 4290}/7"', "hf.0.filling", "be a number of holes per cell"),
        (HF + "n_random=1000000000000", "hf.0.n_random", "be at most 10000"),
        (HF + "supercell=[[1000000,0],[0,1]]", "hf.0.supercell.0.0", "be at most 1000"),
        (HF + "epsilon_r=inf", "hf.0.epsilon_r", "be finite"),
        (HF + "[refine]\nmin_step=true", "refine.min_step", "be a number"),
        (ED + "cluster=[1000000,1000002]", "ed.0.cluster.0", "be at most 1000"),
        (ED + "cluster=[[1000,1],[1,1000]]", "ed.0.cluster", "have at most 1000 cells"),
        (ED3 + "n_eigenstates=1000000000000", "ed.0.n_eigenstates", "be at most 100000"),
        (ED3 + "seed=-1", "ed.0.seed", "be at least 0"),
        (ED3 + "boundary_phase=[nan,0]", "ed.0.boundary_phase.0", "be finite"),
        (ED3 + "[interaction]\nq_cutoff=1e9", "interaction.q_cutoff", "be at most 100"),
        (FCI3 + "phase_mesh=[1000000,1000000]", "fci.0.phase_mesh.0", "be at most 1000"),
        (FCI3 + "with_charge_gap=1", "fci.0.with_charge_gap", "be true or false"),
        ('name="a\\u001b[2J"', "name", "printed on one line"),
        ('name="-rf"', "name", "begins with a letter or digit"),
        (f'name="{"n" * 300}"', "name", "of at most 100 bytes"),
    ],
)  # fmt: skip
def test_what_no_memory_holds_is_refused_with_its_key_and_its_line(lines, key, rule, tmp_path):
    path = tmp_path / "plan.toml"
    tasks = [name for name in ("chern", "topology", "hf", "ed", "fci") if f"[{name}]" in lines] or ["bands"]
    head = f'tasks=["{tasks[0]}"]\n'
    others = {"parameter_set": '"WANG_2023"', "twist_deg": "3", "plane_wave_shells": "3"}
    rest = "\n".join(f"{name}={value}" for name, value in others.items() if f"\n{name}=" not in lines)
    model = lines if lines.startswith("[model]") else f"[model]\n{rest}\n"
    before = lines if lines.startswith("name=") else ""
    text = head + before + "\n" + (f"[model]\n{rest}\n{lines[8:]}" if lines.startswith("[model]") else model)
    text += "" if before or lines.startswith("[model]") else lines
    path.write_text(text)
    line = 1 + text[: text.index(lines.split("\n")[-1])].count("\n")
    with pytest.raises(InputError) as caught:
        read_plan(path).requests()
    assert str(caught.value).startswith(f"{path}, line {line}: `{key}` must ")
    assert rule in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_plan_asks_for_a_number_of_points_that_can_be_listed():
    axis = {"start": 1, "stop": 20, "step": 0.01}
    with pytest.raises(InputError, match=r"`model` must ask for at most 200000 computations, but asks for 3613801\."):
        parse_plan(plan(model=MODEL | {"twist_deg": axis, "displacement_mev": axis})).requests()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = " + "9" * 5000, "an integer has thousands of digits (at line 1)."),
        ("x = " + "[" * 3000 + "]" * 3000, "lists or tables are nested too deeply."),
    ],
)
def test_what_the_toml_parser_cannot_take(text, sentence, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_plan(path)
    assert str(caught.value) == f"`plan` must be valid TOML, but {path} is not: {sentence}"


def test_a_plan_that_never_ends_is_not_read(tmp_path):
    for path in (Path("/dev/zero"), tmp_path):
        with pytest.raises(InputError, match=r"must be a readable file, but .* is not: it is no plain file\."):
            read_plan(path)
    (tmp_path / "long.toml").write_text("#" * 2**21)
    with pytest.raises(InputError, match=r"must have at most 1048576 bytes"):
        read_plan(tmp_path / "long.toml")


def test_integers_for_numbers_are_no_other_request():
    """The strict types of a plan still take 3 for 3.0."""
    whole, pointed = (parse_plan(plan(model=MODEL | {"twist_deg": twist})).requests() for twist in (3, 3.0))
    assert [request.key for request in whole] == [request.key for request in pointed]
