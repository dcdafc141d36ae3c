"""Tables of a plan that belong to no task: the model, a parameter set of one's own, the refinement."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from moire.parameters import LARGEST
from moire.sweep.conditions import Condition
from moire.tasks.options import Option, Spelling
from moire.tasks.values import MOST_SHELLS, Values

Axis = Literal["displacement_mev", "twist_deg"]
TaskName = Literal["bands", "chern", "topology", "hf", "ed", "fci"]
DECISIVE = {"hf": "phase", "ed": "gap", "fci": "gap"}
"""Column of the summary that decides on the boundaries of a task."""
ZippedAxis = Literal["twist_deg", "displacement_mev", "epsilon_r"]
_LONGEST_NAME = 100  # bytes; that of a figure or file is longer by what it says of the point


def _folder_name(name: str) -> str:
    """Return the name; raise ValueError if it would lead out of the folder of results, or is awkward in a shell."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name:
        raise ValueError("be a plain folder name, without path separators or '..'")
    if name.startswith(("-", ".", "~")) or name != name.strip():
        raise ValueError("be a plain folder name, which begins with a letter or digit and ends with no blank")
    if len(name.encode()) > _LONGEST_NAME:
        raise ValueError(f"be a plain folder name of at most {_LONGEST_NAME} bytes")
    return name


def _conditions(value: Any) -> Any:
    if not isinstance(value, str | list | tuple):
        raise ValueError("be a text or a list of texts")  # noqa: TRY004 - pydantic takes no other
    return [value] if isinstance(value, str) else value


def _condition(text: str) -> str:
    Condition(text)
    return text


def left_out(file: str) -> str:
    """Raise ValueError if a plan that is not from a file names a base plan."""
    if file:
        raise ValueError("be left out of a plan that is not read from a file")
    return file


FolderName = Annotated[str, AfterValidator(_folder_name)]
Conditions = Annotated[
    tuple[Annotated[str, AfterValidator(_condition)], ...],
    BeforeValidator(_conditions),
    Spelling("text or list of texts", "TEXT", str, str),
]


class Table(BaseModel):
    """A table without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ParametersTable(Table):
    """A user-defined parameter set; the fields are those of ContinuumParameters."""

    name: Annotated[str, Option("name in files and figures")]
    potential_mev: Annotated[float, Option("V", "meV", at_most=LARGEST["potential_mev"])]
    potential_phase_deg: Annotated[float, Option("φ", "deg", at_most=LARGEST["potential_phase_deg"])]
    tunnelling_mev: Annotated[float, Option("w", "meV", at_most=LARGEST["tunnelling_mev"])]
    effective_mass: Annotated[float, Option("m*", "m_e", at_most=LARGEST["effective_mass"])]
    lattice_constant_nm: Annotated[float, Option("a_0 of the monolayer", "nm", at_most=LARGEST["lattice_constant_nm"])]
    second_potential_mev: Annotated[float, Option("V_2", "meV", at_most=LARGEST["second_potential_mev"])] = 0.0
    second_tunnelling_mev: Annotated[float, Option("w_2", "meV", at_most=LARGEST["second_tunnelling_mev"])] = 0.0
    material: Annotated[str, Option("material")] = "MoTe2"
    reference: Annotated[str, Option("publication")] = "user-defined"
    note: Annotated[str, Option("remarks")] = ""


class ModelTable(Table):
    """Parameter set, twist angles, displacement fields and cutoff."""

    parameter_set: Annotated[
        str | ParametersTable, Option("a [published set](theory/model.md#parameter-sets), or one of your own")
    ]
    twist_deg: Annotated[Values, Option("twist angles, in (0, 30]", "deg")]
    displacement_mev: Annotated[Values, Option("displacement fields D", "meV", at_most=1e6)] = (0.0,)
    plane_wave_shells: Annotated[
        float | Literal["auto"],
        Option(
            "radius of the plane-wave disk; automatic: 5, and more at [small angles](accuracy.md#plane-waves)",
            "|G_1|",
            at_most=MOST_SHELLS,
        ),
    ] = "auto"
    valley: Annotated[int, Option("+1 for K, -1 for K'")] = +1


class RefineTable(Table):
    """Halve the steps across the boundaries of a task."""

    axis: Annotated[Axis, Option("axis of the refinement")] = "displacement_mev"
    min_step: Annotated[float, Field(gt=0), Option("final step across a boundary", "of the axis")] = 1.0
    task: Annotated[TaskName, Option("task whose boundaries are refined")] = "hf"
    column: Annotated[
        str, Option("column of the summary that decides; by default `phase` for `hf`, and `gap` for `ed` and `fci`")
    ] = ""
    level: Annotated[float, Option("value that a number passes at a boundary", "of the column")] = 0.0
