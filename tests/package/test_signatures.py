"""No parameter is accepted and dropped: not by a function, not by a task, not by a command."""

import ast
import inspect
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from click.testing import CliRunner

import moire
from moire.cli import cli
from moire.cli import tasks as commands
from moire.exact_diagonalization import SpectrumSettings
from moire.observables import fci_report
from moire.parameters import REDDY_2023
from moire.sweep import TASKS, EdTask, FciTask, HfTask, ModelPoint
from moire.sweep.plan import keys_of
from moire.tasks import fci as fci_module
from moire.tasks.ed import EdTable
from moire.tasks.fci import FciTable
from moire.tasks.interaction import InteractionTable

PACKAGE = Path(moire.__file__).parent
GIVEN = {"self", "cls", "ctx"}  # by Python, and the last by click


def dropped(function):
    """Parameters that the body of a function never reads; none where it is a docstring alone or only refuses."""
    arguments = function.args
    body = [line for line in function.body if not isinstance(getattr(line, "value", None), ast.Constant)]
    refuses = all(isinstance(line, ast.Raise) for line in body)
    if refuses and not any(isinstance(line, ast.Return) for line in function.body):
        return set()
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    read = {node.id for line in body for node in ast.walk(line) if isinstance(node, ast.Name)}
    return {each.arg for each in named if each and not each.arg.startswith("_")} - read - GIVEN  # click passes the last


def test_every_parameter_of_every_function_is_read():
    functions = [
        (path.relative_to(PACKAGE), node)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(functions) > 1000
    assert {f"{path}:{node.name}": dropped(node) for path, node in functions if dropped(node)} == {}


def test_a_dropped_parameter_would_be_found():
    (function,) = ast.parse("def f(self, a, *, b, _c, **d):\n    return a + d['b']").body
    assert dropped(function) == {"b"}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_task_reads_every_option_and_takes_what_it_says(task):
    source = "".join(inspect.getsource(base) for base in task.__mro__[:-1])
    read = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    assert {field.name for field in fields(task)} <= read
    assert set(inspect.signature(task.compute).parameters) == {"self", "point"} | task.takes


@pytest.mark.parametrize(("task", "table"), [(EdTask, EdTable), (FciTask, FciTable)], ids=["ed", "fci"])
def test_a_plan_offers_every_option_of_a_spectrum(task, table):
    assert {*keys_of(table), *keys_of(InteractionTable)} == {field.name for field in fields(task)}


POINT = {"--set": "REDDY_2023", "--twist": 3.5, "--displacement": 1, "--shells": 4}
FILES = {"--output": "x.h5", "--figure": "x.png"}
INTERACTION = {
    "--gates": "single", "--gate-distance": 9, "--layer-distance": 0.3, "--q-cutoff": 1.5, "--zero-momentum": "keep",
}  # fmt: skip
SPECTRUM = {
    "--bands": 2, "--valleys": "both",
    "--valley": -1, "--cluster": "3x6", "--filling": "-1/3", "--boundary-phase": (0.1, 0.2), "--states": 5,
    "--epsilon": 7, "--seed": 3, "--checkpoint": "kept", **POINT, **FILES, **INTERACTION,
}  # fmt: skip
COMMANDS = {
    "bands": POINT | FILES | {"--valley": -1, "--bands": 2, "--mesh": "6x8", "--segment": 5},
    "chern": POINT | FILES | {"--valley": -1, "--groups": "0+1", "--mesh": "6x8"},
    "topology": POINT | FILES | {"--valley": -1, "--groups": "0+1", "--mesh": "6x8", "--index-radius": 0.1},
    "hf": POINT | FILES | INTERACTION | {
        "--filling": "-1", "--mesh": "6x8", "--bands": 2, "--epsilon": "5,6", "--reference": "average",
        "--supercell": "sqrt3", "--boost": "+Q", "--guesses": "random", "--symmetry": "c3", "--temperature": 0.1,
        "--tolerance": 1e-5, "--segment": 7, "--modes": 2, "--random": 3, "--searches": 2, "--checkpoint": "kept",
        "--excitation-bands": 5, "--crossing": "AFMxy,AFMz", "--crossing-field": 20,
    },
    "ed": SPECTRUM | {"--polarisation": "4,2", "--max-promoted": "2,1", "--no-distribute": None},
    "fci": SPECTRUM | {"--kept": 2, "--flux": "2", "--flux-steps": 5, "--phases": "4x5", "--no-charge-gap": None},
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_reaches_its_task(name, monkeypatch):
    command, arguments, caught = cli.commands[name], [], {}
    for option, value in COMMANDS[name].items():
        parts = value if isinstance(value, tuple) else () if value is None else (value,)
        arguments += [option, *map(str, parts)]
    offered = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    opposites = {"fci": {"--charge-gap"}, "ed": {"--distribute"}}
    assert offered - set(COMMANDS[name]) == opposites.get(name, set())

    def caught_by(task, point, output, figure, checkpoint, distribute):
        caught.update(task=task, point=point, output=output, figure=figure, checkpoint=checkpoint)
        caught.update(distribute=distribute)

    monkeypatch.setattr(commands, "run_task", caught_by)
    done = CliRunner().invoke(cli, [name, *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    task = caught.pop("task")
    for field in fields(task):
        assert field.default is MISSING or getattr(task, field.name) != field.default, field.name
    valley = -1 if task.of_one_valley else 1
    assert caught["point"] == ModelPoint(
        parameters=REDDY_2023, twist_deg=3.5, displacement_mev=1, plane_wave_shells=4, valley=valley
    )
    assert (str(caught["output"]), str(caught["figure"])) == ("x.h5", "x.png")
    assert str(caught["checkpoint"]) == ("kept" if "checkpoint" in task.takes else "None")
    assert caught["distribute"] is (False if name == "ed" else None)


def test_the_task_of_a_report_passes_every_option_on(monkeypatch, tmp_path):
    passed = {}

    class Reached(BaseException):
        """Stands for the work."""

    def caught(*arguments, **options):
        passed.update(inspect.signature(fci_report).bind(*arguments, **options).arguments)
        raise Reached

    monkeypatch.setattr(fci_module, "fci_report", caught)
    task = FciTask(
        cluster=(3, 4), filling="-2/3", n_eigenstates=3, q_cutoff=1.0, n_kept=2, flux_directions=(2,), seed=4
    )
    with pytest.raises(Reached):
        task.compute(ModelPoint(parameters=REDDY_2023, twist_deg=3.5, plane_wave_shells=1), True, tmp_path)
    assert set(passed) == set(inspect.signature(fci_report).parameters)
    assert passed["settings"] == SpectrumSettings(progress=True, checkpoint=tmp_path, seed=4)
    assert HfTask.takes == {"progress", "checkpoint"}
