"""Checkpoint of a long run in two alternating files, from which an interrupted run continues."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from moire._digest import append_digest, check_digest
from moire._shown import Shown
from moire._steady_file import new_hdf5
from moire._types import checked
from moire.errors import InputError, require
from moire.resources import logger


@checked
@dataclass
class Checkpoint(Shown):
    """State of one run in the files ``<path>.0.h5`` and ``<path>.1.h5``, written alternately.

    Each is written under a temporary name, flushed to disk and moved into place, so that a complete one exists
    at any time; its SHA-256 stands behind it, and a slot that differs from it is not read.

    Parameters
    ----------
    path
        Name of the files without their endings; the directory must exist.
    key
        Identifies the problem and the settings; a checkpoint of another key is refused.

    Raises
    ------
    InputError
        If the directory does not exist.
    """

    path: Path
    key: str
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        require(self.path.parent.is_dir(), "checkpoint", "lie in a folder that exists", str(self.path))

    def _slot(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}.h5")

    def save(self, state: Mapping[str, np.ndarray]) -> None:
        """Write the arrays of `state` into the older slot; on failure log a warning and leave both slots unchanged."""
        target = self._slot((self._count + 1) % 2)
        temporary = target.with_suffix(".tmp")
        try:
            with new_hdf5(temporary) as file:
                file.attrs["key"], file.attrs["count"] = self.key, self._count + 1
                for name, values in state.items():
                    file[name] = values
            append_digest(temporary)
            temporary.replace(target)
        except (OSError, RuntimeError) as error:  # of HDF5 too: a full disk must not end the run
            logger.warning("`checkpoint` cannot be written to %s (%s); the run continues without it.", target, error)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            return
        self._count += 1

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the newest state that can be read; None if there is none.

        Raises
        ------
        InputError
            If the files belong to another problem or to other settings.
        """
        newest: dict[str, np.ndarray] | None = None
        for slot in (self._slot(0), self._slot(1)):
            with contextlib.suppress(OSError, RuntimeError, KeyError):  # a damaged slot is skipped
                check_digest(slot)
                with h5py.File(slot, "r") as file:
                    if file.attrs["key"] != self.key:
                        raise InputError(f"`checkpoint` must belong to this problem and settings, but {slot} does not.")
                    count = int(file.attrs["count"])
                    if count > self._count:
                        newest = {name: np.asarray(values) for name, values in file.items()}
                        self._count = count
        return newest

    def remove(self) -> None:
        """Delete both slots."""
        for slot in (self._slot(0), self._slot(1)):
            slot.unlink(missing_ok=True)
