"""Plans in TOML: parameter set, angles, fields, cutoffs and tasks, from which requests are made."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from moire.errors import InputError, nearest
from moire.parameters import ContinuumParameters, published
from moire.tasks import BandsTask, ChernTask, EdTask, FciTask, HfTask, Task, TopologyTask
from moire.tasks.ed import SpectrumOptions
from moire.tasks.fci import DiagnosticOptions
from moire.tasks.options import Option
from moire.tasks.point import ModelPoint
from moire.tasks.projection import ProjectionOptions
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


@dataclass(frozen=True, kw_only=True)
class InteractionTable(ProjectionOptions):
    """The Coulomb interaction of the tasks ``ed`` and ``fci``."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    epsilon_r: Annotated[Values, Option("relative dielectric constants")] = (10.0,)


@dataclass(frozen=True, kw_only=True)
class EdTable(SpectrumOptions):
    """One cluster and filling of the task ``ed``; a plan holds a list of them."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class FciTable(DiagnosticOptions, SpectrumOptions):
    """One cluster and filling of the task ``fci``."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


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
        for name in ("hf", "ed", "fci"):
            if name in self.tasks and not getattr(self, name):
                raise InputError(f"`{name}` must list at least one [[{name}]] table, but is empty.")
        tasks: list[Task] = [task for task in (self.bands, self.chern, self.topology) if task.name in self.tasks]
        if "hf" in self.tasks:
            tasks += self.hf
        shared = vars(self.interaction)
        runs: Sequence[tuple[type[EdTask], Sequence[SpectrumOptions]]] = ((EdTask, self.ed), (FciTask, self.fci))
        for kind, tables in runs:
            if kind.name in self.tasks:
                tasks += [
                    kind(**vars(table) | shared | {"epsilon_r": epsilon_r})
                    for table, epsilon_r in product(tables, self.interaction.epsilon_r)
                ]
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


TABLES: dict[str, type] = {
    "model": ModelTable,
    "model.parameter_set": ParametersTable,
    "bands": BandsTask,
    "chern": ChernTask,
    "topology": TopologyTask,
    "hf": HfTask,
    "interaction": InteractionTable,
    "ed": EdTable,
    "fci": FciTable,
    "refine": RefineTable,
}
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
        raise InputError(_sentence(error)) from None


_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_RULES = {
    "too_short": "hold at least one value",
    "too_long": "hold two values",
    "tuple_type": "be a list",
    "string_type": "be a text in quotes",
    "model_type": "be a table",
    "dataclass_type": "be a table",
}  # in words of TOML; pydantic's own are those of Python
_KINDS = {"int": "be an integer", "float": "be a number", "bool": "be true or false"}


def _sentence(error: ValidationError) -> str:
    # an unknown key explains the other errors; otherwise take the branch of a union that was read furthest
    problem = min(error.errors(), key=lambda problem: (problem["type"] not in _UNKNOWN, -len(problem["loc"])))
    place = [part for part in problem["loc"] if part not in {"ParametersTable", "str", "float"}]
    place = [part for part in place if not str(part).startswith(("tuple[", "function", "literal["))]
    name = ".".join(map(str, place))
    if problem["type"] in _UNKNOWN:
        return f"`{name}` is not a key of a plan{nearest(str(place[-1]), _keys_beside(problem['loc']))}"
    if problem["type"] in {"missing", "missing_argument"}:
        if isinstance(place[-1], int):  # of a pair; all lists of fixed length are pairs
            return f"`{'.'.join(map(str, place[:-1]))}` must hold two values, but is {problem['input']!r}."
        return f"`{name}` must be given, but is missing."
    return f"`{name}` must {_rule(problem, name)}, but is {problem['input']!r}."


def _rule(problem: Mapping[str, Any], name: str) -> str:
    kind = problem["type"]
    if kind == "tuple_type" and "." not in name and name != "tasks":
        return f"be a list of tables, [[{name}]]"
    words = problem["msg"].removeprefix("Value error, ").removeprefix("Input should ")
    fallback = words if words.startswith("be ") else f"be valid ({words})"
    rule = _RULES.get(kind) or _KINDS.get(kind.split("_")[0]) or fallback
    if "str" in problem["loc"]:  # the first of two alternatives: neither was right
        return f"{rule} or a table"
    return f"{rule}, or [[a, b], [c, d]]" if any(str(part).startswith("literal[") for part in problem["loc"]) else rule


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys of the table that holds the last key of `location`."""
    if "parameter_set" in location:
        return list(ParametersTable.model_fields)
    table = TABLES[str(location[0])] if len(location) > 1 else Plan
    return keys_of(table)
