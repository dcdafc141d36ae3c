"""A plan in TOML: parameter set, angles, fields, cutoffs and tasks, turned into requests."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from moire.errors import InputError, nearest
from moire.interaction import Gates
from moire.parameters import ContinuumParameters, published
from moire.projection import ZeroMomentum
from moire.sweep.point import ClusterShape, ModelPoint
from moire.sweep.request import Request
from moire.sweep.tasks import BandsTask, ChernTask, EdTask, Task, TopologyTask


def _as_values(value: Any) -> Any:
    """Turn a number, a list or a table {start, stop, step} into a list of numbers."""
    if isinstance(value, Mapping):
        if set(value) != {"start", "stop", "step"} or not value["step"] > 0 or value["stop"] < value["start"]:
            raise ValueError("be a number, a list, or a table with start <= stop and step > 0")
        count = int(np.floor((value["stop"] - value["start"]) / value["step"] + 1e-9)) + 1
        return [round(value["start"] + i * value["step"], 10) for i in range(count)]
    return [value] if isinstance(value, int | float) else value


Values = Annotated[tuple[float, ...], BeforeValidator(_as_values), Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParametersTable(_Table):
    """A user-defined parameter set; the fields are those of ContinuumParameters."""

    name: str
    potential_mev: float
    potential_phase_deg: float
    tunnelling_mev: float
    effective_mass: float
    lattice_constant_nm: float
    second_potential_mev: float = 0.0
    second_tunnelling_mev: float = 0.0
    material: str = "MoTe2"
    reference: str = "user-defined"
    note: str = ""


class ModelTable(_Table):
    """Which model, at which angles and fields."""

    parameter_set: str | ParametersTable
    twist_deg: Values
    displacement_mev: Values = (0.0,)
    plane_wave_shells: float = 5
    valley: int = +1


class BandsTable(_Table):
    """Options of the task ``bands``."""

    n_bands: int = 3
    mesh: tuple[int, int] = (18, 18)
    points_per_segment: int = 30


class ChernTable(_Table):
    """Options of the task ``chern``."""

    bands: tuple[tuple[int, ...], ...] = ((0,), (1,), (2,))
    mesh: tuple[int, int] = (18, 18)


class TopologyTable(_Table):
    """Options of the task ``topology``."""

    bands: tuple[tuple[int, ...], ...] = ((0,), (1,))
    mesh: tuple[int, int] = (18, 18)
    index_radius: float = 0.25


class InteractionTable(_Table):
    """The Coulomb interaction of the task ``ed``."""

    epsilon_r: Values = (10.0,)
    gates: Gates = "dual"
    gate_distance_nm: float = 30.0
    layer_distance_nm: float = 0.0
    q_cutoff: float = 4.0
    zero_momentum: ZeroMomentum = "drop"


class EdTable(_Table):
    """One cluster and filling of the task ``ed``; a plan holds a list of them."""

    cluster: ClusterShape
    filling: str
    boundary_twist: tuple[float, float] = (0.0, 0.0)
    n_eigenstates: int = 4
    seed: int = 0


class Plan(_Table):
    """A sweep: every task at every twist angle and displacement field."""

    name: str = "sweep"
    tasks: Annotated[tuple[Literal["bands", "chern", "topology", "ed"], ...], Field(min_length=1)] = ("bands", "chern")
    model: ModelTable
    bands: BandsTable = BandsTable()
    chern: ChernTable = ChernTable()
    topology: TopologyTable = TopologyTable()
    interaction: InteractionTable = InteractionTable()
    ed: tuple[EdTable, ...] = ()

    def requests(self) -> tuple[Request, ...]:
        """Every request of the plan, checked, without repetition, in the order of the plan.

        Raises
        ------
        InputError
            If one of them cannot be done, or ``ed`` is asked for without a cluster.
        """
        chosen = self.model.parameter_set
        parameters = published(chosen) if isinstance(chosen, str) else ContinuumParameters(**chosen.model_dump())
        if "ed" in self.tasks and not self.ed:
            raise InputError("`ed` must list at least one [[ed]] table with cluster and filling, but is empty.")
        tasks: list[Task] = []
        if "bands" in self.tasks:
            tasks.append(BandsTask(**self.bands.model_dump()))
        if "chern" in self.tasks:
            tasks.append(ChernTask(**self.chern.model_dump()))
        if "topology" in self.tasks:
            tasks.append(TopologyTask(**self.topology.model_dump()))
        if "ed" in self.tasks:
            shared = self.interaction.model_dump(exclude={"epsilon_r"})
            tasks += [
                EdTask(**run.model_dump(), epsilon_r=epsilon_r, **shared)
                for run, epsilon_r in product(self.ed, self.interaction.epsilon_r)
            ]
        requests = []
        for twist_deg, displacement_mev in product(self.model.twist_deg, self.model.displacement_mev):
            point = ModelPoint(
                parameters=parameters,
                twist_deg=twist_deg,
                displacement_mev=displacement_mev,
                plane_wave_shells=self.model.plane_wave_shells,
                valley=self.model.valley,
            )
            requests += [Request(point=point, task=task) for task in tasks]
        for request in requests:
            request.check()
        return tuple(dict.fromkeys(requests))


def read_plan(path: Path) -> Plan:
    """Read and check a plan file.

    Raises
    ------
    InputError
        With one sentence: the file is missing or no TOML, a key is unknown (the nearest is named), a
        value has the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`plan` must be a readable file, but is {path} ({error}).") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"`plan` must be valid TOML, but {path} is not: {error}.") from None
    return parse_plan(table)


def parse_plan(table: Mapping[str, Any]) -> Plan:
    """Check a plan given as nested dictionaries; see :func:`read_plan`."""
    try:
        return Plan.model_validate(table)
    except ValidationError as error:
        raise InputError(_sentence(error)) from None


_RULES = {"too_short": "hold at least one value", "tuple_type": "be a list such as [6, 6], or [[tables]]"}


def _sentence(error: ValidationError) -> str:
    # an unknown key explains the rest; then the branch of a union that got furthest is what was meant
    problem = min(error.errors(), key=lambda problem: (problem["type"] != "extra_forbidden", -len(problem["loc"])))
    place = [part for part in problem["loc"] if part not in {"ParametersTable", "str"}]
    name = ".".join(str(part) for part in place if not str(part).startswith(("tuple[", "function")))
    if problem["type"] == "extra_forbidden":
        return f"`{name}` is not a key of a plan{nearest(str(place[-1]), _keys_beside(problem['loc']))}"
    if problem["type"] == "missing":
        return f"`{name}` must be given, but is missing."
    if problem["type"] in _RULES:
        return f"`{name}` must {_RULES[problem['type']]}, but is {problem['input']!r}."
    rule = problem["msg"].removeprefix("Value error, ").removeprefix("Input should ")
    rule = rule if rule.startswith("be ") else f"be right: {rule}"
    return f"`{name}` must {rule}, but is {problem['input']!r}."


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys of the table in which the last key of `location` stands."""
    tables: dict[str, type[_Table]] = {
        "model": ModelTable,
        "bands": BandsTable,
        "chern": ChernTable,
        "topology": TopologyTable,
        "interaction": InteractionTable,
        "ed": EdTable,
    }
    if "parameter_set" in location:
        return list(ParametersTable.model_fields)
    return list(tables[str(location[0])].model_fields if len(location) > 1 else Plan.model_fields)
