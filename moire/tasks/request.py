"""Requests: one task at one point, with a hash of its content that names the file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from moire.io import SCHEMA
from moire.tasks import Task
from moire.tasks.limits import check_options
from moire.tasks.point import ModelPoint


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True, kw_only=True)
class Request:
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
        text = json.dumps([SCHEMA, self.canonical()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def file_name(self) -> str:
        """Name of its file: task, angle and field, and the key, which makes it unique."""
        return f"{self.task.name}-{self.point.twist_deg:.3f}deg-D{self.point.displacement_mev:g}-{self.key}.h5"

    @property
    def title(self) -> str:
        """Short description for progress lines."""
        point = self.point
        return f"{self.task.name} at {point.twist_deg:g} deg, D = {point.displacement_mev:g} meV{self.task.title()}"
