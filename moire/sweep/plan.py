"""Plans in TOML: parameter set, angles, fields, cutoffs and tasks, from which requests are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, ValidationError

from moire._shown import Shown
from moire._types import checked
from moire.errors import InputError, MemoryRefusedError, require
from moire.parameters import ContinuumParameters, published
from moire.sweep.axes import axis_points, check_zipped, tasks_at
from moire.sweep.conditions import Condition, admitted
from moire.sweep.plan_errors import fault_of, renamed
from moire.sweep.plan_source import PlanSource, load_plan
from moire.sweep.plan_tables import (
    DECISIVE,
    Conditions,
    FolderName,
    ModelTable,
    ParametersTable,
    RefineTable,
    Table,
    TaskName,
    ZippedAxis,
    left_out,
)
from moire.sweep.toml_lines import Place
from moire.tasks import TASKS, BandsTask, ChernTask, HfTask, Task, TopologyTask
from moire.tasks.ed import EdTable
from moire.tasks.fci import FciTable
from moire.tasks.interaction import InteractionTable
from moire.tasks.limits import check_options
from moire.tasks.options import Option
from moire.tasks.point import ModelPoint
from moire.tasks.request import Request

MOST_REQUESTS = 200_000
"""Most computations of one plan."""


class Plan(Shown, Table):
    """A sweep: every task at every twist angle and displacement field."""

    name: Annotated[FolderName, Option("name of the sweep and of its folder under `results/`; no path")] = "sweep"
    extends: Annotated[
        str, AfterValidator(left_out), Option("file of a [base plan](#base-plans), whose keys hold where none is given")
    ] = ""
    tasks: Annotated[tuple[TaskName, ...], Field(min_length=1), Option("what to compute")] = ("bands", "chern")
    where: Annotated[Conditions, Option("[conditions](#conditions) that every point fulfils")] = ()
    zip: Annotated[tuple[ZippedAxis, ...], Option("[axes](#axes-taken-together) taken together, value by value")] = ()
    model: Annotated[ModelTable, Option("see [below](#model)")]
    bands: Annotated[BandsTask, Option("options of the task `bands`")] = BandsTask()
    chern: Annotated[ChernTask, Option("options of the task `chern`")] = ChernTask()
    topology: Annotated[TopologyTask, Option("options of the task `topology`")] = TopologyTask()
    hf: Annotated[tuple[HfTask, ...], Option("fillings and dielectric constants of Hartree-Fock, `[[hf]]`")] = ()
    interaction: Annotated[InteractionTable, Option("options of the tasks `ed` and `fci`")] = InteractionTable()
    ed: Annotated[tuple[EdTable, ...], Option("clusters and fillings, `[[ed]]`")] = ()
    fci: Annotated[tuple[FciTable, ...], Option("clusters and fillings for all diagnostics, `[[fci]]`")] = ()
    refine: Annotated[RefineTable | None, Option("halve the steps across [boundaries](#refine) of a task")] = None
    _source: PlanSource = PrivateAttr(default_factory=PlanSource)

    def requests(self) -> tuple[Request, ...]:
        """Every request of the plan, checked, without repetition, in the order of the plan.

        Raises
        ------
        InputError
            If a request cannot be computed, there are too many, or a task ``hf``, ``ed`` or ``fci`` has no table. The
            message names the key, and for a plan from a file its line.
        """
        with self._telling(()):
            parameters, tasks = self._parameters(), self._tasks()
            self._check_used()
            self._check_refinement()
            self._check_axes(tasks)
        model, found = self.model, dict[Request, None]()
        checked: set[Request] = set()  # at a field of zero, on which no check depends
        for twist_deg, displacement_mev, index in axis_points(model.twist_deg, model.displacement_mev, self.zip):
            with self._telling(("model",)):
                point = ModelPoint(
                    parameters=parameters,
                    twist_deg=twist_deg,
                    displacement_mev=displacement_mev,
                    plane_wave_shells=None if model.plane_wave_shells == "auto" else model.plane_wave_shells,
                    valley=model.valley,
                )
                check_options(point)
            for place, own in tasks:
                with self._telling(place):
                    for task in tasks_at(own, index):
                        request = self.admits(Request(point=point, task=task))
                        if request is not None and request not in found:
                            twin = replace(request, point=replace(point, displacement_mev=0.0))
                            if twin not in checked:
                                request.check()
                                checked.add(twin)
                            found[request] = None
        with self._telling(()):
            require(found, "where", "hold at some point", found="holds at none")
        return tuple(found)

    def admits(self, request: Request) -> Request | None:
        """Return the part of a request at which all conditions of the plan hold; None if there is none."""
        return admitted(request, [Condition(text) for text in self.where])

    def _parameters(self) -> ContinuumParameters:
        chosen = self.model.parameter_set
        return published(chosen) if isinstance(chosen, str) else ContinuumParameters(**chosen.model_dump())

    def _tasks(self) -> list[tuple[Place, list[Task]]]:
        """Tasks at one point by table, with the place of the table; those of ``hf`` hold all dielectric constants."""
        found: list[tuple[Place, list[Task]]] = []
        for name, kind in TASKS.items():
            if name not in self.tasks:
                continue
            tables = getattr(self, name)
            if not tables:
                raise InputError(f"`{name}` must list at least one [[{name}]] table, but is empty.")
            for number, table in enumerate(tables if isinstance(tables, tuple) else (tables,)):
                own = [table] if isinstance(table, kind) else getattr(kind, "of_table")(table, self.interaction)  # noqa: B009
                found.append(((name, number) if isinstance(tables, tuple) else (name,), own))
        return found

    def _check_used(self) -> None:
        """Raise InputError if a table is given, here and not in a base plan, that no task of the plan reads."""
        readers = {name: (name,) for name in TASKS} | {"interaction": ("ed", "fci")}
        for name, tasks in readers.items():
            inherited = not self._source.mark((name,)).startswith(self._source.file)
            if name in self.model_fields_set and not inherited:
                rule = f"name {' or '.join(tasks)}, whose table {name} is given"
                require(set(tasks) & set(self.tasks), "tasks", rule, found=f"names {', '.join(self.tasks)}")

    def _check_axes(self, tasks: list[tuple[Place, list[Task]]]) -> None:
        """Raise InputError if axes taken together differ in length, or the plan asks for too much."""
        twists, displacements = len(self.model.twist_deg), len(self.model.displacement_mev)
        constants = [len(table.epsilon_r) for table in self.hf if "hf" in self.tasks]
        if {"ed", "fci"} & set(self.tasks) or not constants:
            constants.append(len(self.interaction.epsilon_r))
        lengths = {"twist_deg": [twists], "displacement_mev": [displacements], "epsilon_r": constants}
        check_zipped(self.zip, lengths)
        n_points = twists if {"twist_deg", "displacement_mev"} <= set(self.zip) else twists * displacements
        n_asked = n_points * sum(1 if "epsilon_r" in self.zip else len(own) for _, own in tasks)
        require(
            n_asked <= MOST_REQUESTS,
            "model",
            f"ask for at most {MOST_REQUESTS} computations",
            found=f"asks for {n_asked}",
        )

    def _check_refinement(self) -> None:
        if (refine := self.refine) is None:
            return
        rule = f"be one of the tasks of the plan, {', '.join(self.tasks)}"
        named = refine.task in self.tasks
        require(named, "refine.task", rule, f"'{refine.task}'")
        decided = refine.column or refine.task in DECISIVE
        require(decided, "refine.column", f"name a column of the task {refine.task}", found="names none")
        alone = refine.axis not in self.zip
        require(alone, "refine.axis", "be no axis taken together with others", f"'{refine.axis}'")

    @contextmanager
    def _telling(self, table: Place) -> Iterator[None]:
        """Name the key of a plan, and its line, in an error about one of its options."""
        try:
            yield
        except (InputError, MemoryRefusedError) as error:
            places = (table, ("interaction",), ("model", "parameter_set"), ("model",), ())
            place, text = renamed(str(error), {place: keys_of(_table_at(place)) for place in places})
            raise type(error)(self._source.mark(place or table) + text) from None


def _tables() -> dict[str, type]:
    held: dict[str, type] = {}
    for name, field in Plan.model_fields.items():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and _is_table(part):
                held[name] = part
    return held | {"model.parameter_set": ParametersTable}


def _is_table(kind: type) -> bool:
    return issubclass(kind, BaseModel) or is_dataclass(kind)


TABLES: dict[str, type] = _tables()
"""The tables of a plan by their keys; a list of them for ``hf``, ``ed`` and ``fci``."""


def keys_of(table: type) -> list[str]:
    """Keys of a table of a plan, a pydantic model or a dataclass."""
    return list(table.model_fields) if issubclass(table, BaseModel) else [field.name for field in fields(table)]  # type: ignore[arg-type]


@checked
def read_plan(path: Path) -> Plan:
    """Read and check a plan file.

    Raises
    ------
    InputError
        If the file is missing or not TOML, a key is unknown (the message names the nearest), or a
        value has the wrong type. The message begins with the file and the line.
    """
    return _parsed(*load_plan(path))


@checked
def parse_plan(table: Mapping[str, Any]) -> Plan:
    """Check a plan given as nested dictionaries; see :func:`read_plan`."""
    return _parsed(table, PlanSource())


def _parsed(table: Mapping[str, Any], source: PlanSource) -> Plan:
    try:
        plan = Plan.model_validate(table)
    except ValidationError as error:
        place, text = fault_of(error, table, _keys_beside)
        raise InputError(source.mark(place) + text) from None
    plan._source = source
    return plan


def _table_at(place: Place) -> type:
    return TABLES[".".join(part for part in place if isinstance(part, str))] if place else Plan


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys of the table that holds the last key of `location`."""
    if "parameter_set" in location:
        return list(ParametersTable.model_fields)
    table = TABLES[str(location[0])] if len(location) > 1 else Plan
    return keys_of(table)
