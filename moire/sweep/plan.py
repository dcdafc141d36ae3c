"""Plans in TOML: parameter set, angles, fields, cutoffs and tasks, from which requests are made."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from moire.errors import InputError
from moire.parameters import ContinuumParameters, published
from moire.sweep.plan_errors import sentence
from moire.tasks import TASKS, BandsTask, ChernTask, HfTask, Task, TopologyTask
from moire.tasks.ed import EdTable
from moire.tasks.fci import FciTable
from moire.tasks.interaction import InteractionTable
from moire.tasks.options import Option
from moire.tasks.point import ModelPoint
from moire.tasks.request import Request
from moire.tasks.values import Values

Axis = Literal["displacement_mev", "twist_deg"]
TaskName = Literal["bands", "chern", "topology", "hf", "ed", "fci"]


def _folder_name(name: str) -> str:
    """Return the name; raise ValueError if it would lead out of the folder of results."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name:
        raise ValueError("be a plain folder name, without path separators or '..'")
    return name


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParametersTable(_Table):
    """A user-defined parameter set; the fields are those of ContinuumParameters."""

    name: Annotated[str, Option("name in files and figures")]
    potential_mev: Annotated[float, Option("V", "meV")]
    potential_phase_deg: Annotated[float, Option("φ", "deg")]
    tunnelling_mev: Annotated[float, Option("w", "meV")]
    effective_mass: Annotated[float, Option("m*", "m_e")]
    lattice_constant_nm: Annotated[float, Option("a_0 of the monolayer", "nm")]
    second_potential_mev: Annotated[float, Option("V_2", "meV")] = 0.0
    second_tunnelling_mev: Annotated[float, Option("w_2", "meV")] = 0.0
    material: Annotated[str, Option("material")] = "MoTe2"
    reference: Annotated[str, Option("publication")] = "user-defined"
    note: Annotated[str, Option("remarks")] = ""


class ModelTable(_Table):
    """Parameter set, twist angles, displacement fields and cutoff."""

    parameter_set: Annotated[
        str | ParametersTable, Option("a [published set](theory/model.md#parameter-sets), or one of your own")
    ]
    twist_deg: Annotated[Values, Option("twist angles, in (0, 30]", "deg")]
    displacement_mev: Annotated[Values, Option("displacement fields D", "meV")] = (0.0,)
    plane_wave_shells: Annotated[
        float | Literal["auto"],
        Option(
            "radius of the plane-wave disk; automatic: 5, and more at [small angles](accuracy.md#plane-waves)", "|G_1|"
        ),
    ] = "auto"
    valley: Annotated[int, Option("+1 for K, -1 for K'")] = +1


class RefineTable(_Table):
    """Halve the steps across phase boundaries of the task ``hf``."""

    axis: Annotated[Axis, Option("axis of the refinement")] = "displacement_mev"
    min_step: Annotated[float, Field(gt=0), Option("final step across a boundary", "of the axis")] = 1.0


class Plan(_Table):
    """A sweep: every task at every twist angle and displacement field."""

    name: Annotated[
        str, AfterValidator(_folder_name), Option("name of the sweep and of its folder under `results/`; no path")
    ] = "sweep"
    tasks: Annotated[tuple[TaskName, ...], Field(min_length=1), Option("what to compute")] = ("bands", "chern")
    model: Annotated[ModelTable, Option("see [below](#model)")]
    bands: Annotated[BandsTask, Option("options of the task `bands`")] = BandsTask()
    chern: Annotated[ChernTask, Option("options of the task `chern`")] = ChernTask()
    topology: Annotated[TopologyTask, Option("options of the task `topology`")] = TopologyTask()
    hf: Annotated[tuple[HfTask, ...], Option("fillings and dielectric constants of Hartree-Fock, `[[hf]]`")] = ()
    interaction: Annotated[InteractionTable, Option("options of the tasks `ed` and `fci`")] = InteractionTable()
    ed: Annotated[tuple[EdTable, ...], Option("clusters and fillings, `[[ed]]`")] = ()
    fci: Annotated[tuple[FciTable, ...], Option("clusters and fillings for all diagnostics, `[[fci]]`")] = ()
    refine: Annotated[RefineTable | None, Option("halve the steps across phase boundaries of `hf`")] = None

    def requests(self) -> tuple[Request, ...]:
        """Every request of the plan, checked, without repetition, in the order of the plan.

        Raises
        ------
        InputError
            If a request cannot be computed, or a task ``hf``, ``ed`` or ``fci`` has no table.
        """
        chosen = self.model.parameter_set
        parameters = published(chosen) if isinstance(chosen, str) else ContinuumParameters(**chosen.model_dump())
        if self.refine is not None and (len(self.hf) != 1 or "hf" not in self.tasks):
            raise InputError(
                "`refine` must go with the task hf and one [[hf]] table, but the tasks are "
                f"{', '.join(self.tasks)} and the number of [[hf]] tables is {len(self.hf)}."
            )
        tasks: list[Task] = []
        for name, kind in TASKS.items():
            tables = getattr(self, name)
            if name not in self.tasks:
                continue
            if not tables:
                raise InputError(f"`{name}` must list at least one [[{name}]] table, but is empty.")
            for table in tables if isinstance(tables, tuple) else (tables,):
                own = isinstance(table, kind)
                tasks += [table] if own else getattr(kind, "of_table")(table, self.interaction)  # noqa: B009
        shells = self.model.plane_wave_shells
        requests = []
        for twist_deg, displacement_mev in product(self.model.twist_deg, self.model.displacement_mev):
            point = ModelPoint(
                parameters=parameters,
                twist_deg=twist_deg,
                displacement_mev=displacement_mev,
                plane_wave_shells=None if shells == "auto" else shells,
                valley=self.model.valley,
            )
            requests += [Request(point=point, task=task) for task in tasks]
        for request in requests:
            request.check()
        return tuple(dict.fromkeys(requests))


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


def read_plan(path: Path) -> Plan:
    """Read and check a plan file.

    Raises
    ------
    InputError
        If the file is missing or not TOML, a key is unknown (the message names the nearest), or a
        value has the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`plan` must be a readable file, but {path} is not: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"`plan` must be valid TOML, but {path} is not: {error}.") from None
    return parse_plan(table)


def parse_plan(table: Mapping[str, Any]) -> Plan:
    """Check a plan given as nested dictionaries; see :func:`read_plan`."""
    try:
        return Plan.model_validate(table)
    except ValidationError as error:
        raise InputError(sentence(error, _keys_beside)) from None


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys of the table that holds the last key of `location`."""
    if "parameter_set" in location:
        return list(ParametersTable.model_fields)
    table = TABLES[str(location[0])] if len(location) > 1 else Plan
    return keys_of(table)
