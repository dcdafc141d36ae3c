"""Requests: one task at one point, with a hash of its content that names the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from moire._shown import Shown
from moire._types import checked
from moire.io import SCHEMA, Dataset
from moire.tasks import TASKS, Task
from moire.tasks.limits import check_options
from moire.tasks.parts import Columns
from moire.tasks.point import ModelPoint


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def key_of(canonical: Mapping[str, Any]) -> str:
    """Return the key of a request from its canonical form, as it stands in a file."""
    text = json.dumps([SCHEMA, canonical], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_name_of(canonical: Mapping[str, Any]) -> str:
    """Return the name of the file of a request from its canonical form."""
    twist_deg, displacement_mev = (canonical["point"][name] for name in ("twist_deg", "displacement_mev"))
    return f"{canonical['task']}-{twist_deg:.3f}deg-D{displacement_mev:g}-{key_of(canonical)}.h5"


def coordinates_of(canonical: Mapping[str, Any]) -> Columns:
    """Columns of the summary that name a request, from its canonical form.

    Those of a task are left out if its options are not exactly those of this version.
    """
    point, task = canonical["point"], canonical["task"]
    columns = _place(point["parameters"]["name"], point["twist_deg"], point["displacement_mev"])
    try:
        rebuilt = _adapter(task).validate_python(canonical["options"])
    except (KeyError, ValidationError):
        return columns
    same = _canonical(asdict(rebuilt)) == canonical["options"]
    return {**columns, **rebuilt.coordinates()} if same else columns


@cache
def _adapter(task: str) -> TypeAdapter[Any]:
    return TypeAdapter(TASKS[task])


def _place(parameters: str, twist_deg: float, displacement_mev: float) -> Columns:
    return {
        "parameters": Dataset(parameters, "", (), "parameter set"),
        "theta": Dataset(float(twist_deg), "deg", (), "twist angle"),
        "D": Dataset(float(displacement_mev), "meV", (), "displacement field"),
    }


@checked
@dataclass(frozen=True, kw_only=True)
class Request(Shown):
    """One task at one point of a sweep.

    Parameters
    ----------
    point
        The model.
    task
        The computation and its options.
    """

    point: ModelPoint
    task: Task

    def check(self) -> None:
        """Raise InputError if the request cannot be computed."""
        check_options(self.point)
        check_options(self.task)
        self.task.check(self.point)

    def canonical(self) -> dict[str, Any]:
        """Return the request as plain nested dictionaries, the same for equal requests (5 and 5.0 are equal)."""
        plain: dict[str, Any] = _canonical(
            {"task": self.task.name, "point": asdict(self.point), "options": asdict(self.task)}  # type: ignore[call-overload]
        )
        return plain

    @property
    def key(self) -> str:
        """Hash of the canonical request and of the file schema, 12 hexadecimal digits."""
        return key_of(self.canonical())

    @property
    def file_name(self) -> str:
        """Name of its file: task, angle and field, and the key, which makes it unique."""
        return file_name_of(self.canonical())

    def coordinates(self) -> Columns:
        """Columns of the summary that name the request: model, angle, field and the options of the task."""
        point = self.point
        place = _place(point.parameters.name, point.twist_deg, point.displacement_mev)
        return {**place, **self.task.coordinates()}

    @property
    def title(self) -> str:
        """Short description for progress lines."""
        point = self.point
        return f"{self.task.name} at {point.twist_deg:g} deg, D = {point.displacement_mev:g} meV{self.task.title()}"
