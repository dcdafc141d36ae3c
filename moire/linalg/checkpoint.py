"""Checkpoint of a long run in two alternating slots, from which an interrupted run continues.

A run over ranks writes a slot as one file for each rank, with the rows that it holds; it may be read on any other
number of ranks.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from moire._digest import append_digest, check_digest
from moire._shown import Shown
from moire._steady_file import new_hdf5
from moire._types import checked
from moire.errors import InputError, require
from moire.linalg.vectors import ALONE, VectorSpace
from moire.resources import logger

VECTORS = "vectors"
"""Name of the only array whose second axis is split over ranks."""

_UNREADABLE = (OSError, RuntimeError, KeyError)


class _Part(NamedTuple):
    """File of one state: its running number, and its rows of the vectors, all of them if `last` is negative."""

    number: int
    first: int
    last: int
    path: Path


@checked
@dataclass
class Checkpoint(Shown):
    """State of one run in the files ``<path>.0.h5`` and ``<path>.1.h5``, written alternately.

    Each is written under a temporary name, flushed to disk and moved into place, so that a complete one exists
    at any time; its SHA-256 stands behind it, and a slot that differs from it is not read. A rank that holds rows a to
    b of the vectors writes ``<path>.a-b.n.h5`` for state number n.

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
    _resumed: bool = field(default=False, init=False)  # files of another number of ranks may lie beside

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        require(self.path.parent.is_dir(), "checkpoint", "lie in a folder that exists", str(self.path))

    def save(self, state: Mapping[str, np.ndarray], space: VectorSpace = ALONE) -> None:
        """Write the arrays of `state` into the older slot; on failure log a warning and leave both slots unchanged.

        With the space of a run over ranks all of them call it, each with its rows of the vectors.
        """
        written = self._write(self._file(self._count + 1, space), state)
        if space.add_up(float(not written)) > 0:  # the others write this state again too
            return
        self._count += 1
        space.on_leader(self._remove_older)

    def load(self, space: VectorSpace = ALONE) -> dict[str, np.ndarray] | None:
        """Return the newest state that can be read, with the rows of a space; None if there is none.

        Raises
        ------
        InputError
            If the files belong to another problem or to other settings.
        """
        state = None
        for parts in space.on_leader(lambda: self._states(space)):
            state = self._read(parts, space)
            if space.add_up(float(state is None)) == 0:
                self._count, self._resumed = parts[0].number, True
                break
        space.on_leader(self._remove_newer)
        return state

    def remove(self) -> None:
        """Delete the files of all ranks."""
        for path in [*self._slots(), *(part.path for part in self._parts())]:
            path.unlink(missing_ok=True)

    def _slots(self) -> list[Path]:
        return [self.path.with_name(f"{self.path.name}.{number}.h5") for number in (0, 1)]

    def _file(self, count: int, space: VectorSpace) -> Path:
        if space.is_whole:
            return self._slots()[count % 2]
        return self.path.with_name(f"{self.path.name}.{space.rows.start}-{space.rows.stop}.{count}.h5")

    def _write(self, target: Path, state: Mapping[str, np.ndarray]) -> bool:
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
            return False
        return True

    def _parts(self) -> list[_Part]:
        """Files of ranks, by their names."""
        name = re.compile(re.escape(self.path.name) + r"\.(\d+)-(\d+)\.(\d+)\.h5")
        found = []
        for path in self.path.parent.iterdir():
            if match := name.fullmatch(path.name):
                first, last, count = map(int, match.groups())
                found.append(_Part(count, first, last, path))
        return sorted(found)

    def _states(self, space: VectorSpace) -> list[list[_Part]]:
        """Files of every state that has all rows, the newest first; raises InputError if one is of another problem."""
        states = []
        for path in self._slots():
            with contextlib.suppress(*_UNREADABLE):  # a damaged slot is skipped
                states.append([_Part(int(self._open(path)["count"]), 0, -1, path)])
        parts = self._parts()
        for count in {part.number for part in parts}:
            of_state = [part for part in parts if part.number == count]
            if _covers(of_state, space.dimension):
                states.append(of_state)
        return sorted(states, key=lambda state: state[0].number, reverse=True)

    def _open(self, path: Path) -> dict[str, np.ndarray]:
        """Attributes of a file, once it is found undamaged."""
        check_digest(path)
        with h5py.File(path, "r") as file:
            if file.attrs["key"] != self.key:
                raise InputError(f"`checkpoint` must belong to this problem and settings, but {path} does not.")
            return dict(file.attrs)

    def _read(self, parts: list[_Part], space: VectorSpace) -> dict[str, np.ndarray] | None:
        """Arrays of a state, of the vectors the rows of the space; None if a file is damaged."""
        state: dict[str, np.ndarray] = {}
        pieces = []
        mine = [part for part in parts if part.last < 0 or _overlap(part, space)] or parts[:1]
        try:
            for _, first, last, path in mine:
                self._open(path)
                with h5py.File(path, "r") as file:
                    state |= {name: np.asarray(values) for name, values in file.items() if name != VECTORS}
                    if VECTORS in file:
                        stop = file[VECTORS].shape[-1] if last < 0 else last
                        rows = range(stop) if space is ALONE else space.rows
                        inside = slice(max(rows.start, first) - first, max(min(rows.stop, stop) - first, 0))
                        pieces.append(np.asarray(file[VECTORS][..., inside]))
        except _UNREADABLE:
            return None
        return state | ({VECTORS: np.concatenate(pieces, axis=-1)} if pieces else {})

    def _remove_newer(self) -> None:
        """Delete the files of states that some ranks did not write to the end."""
        for part in self._parts():
            if part.number > self._count:
                part.path.unlink(missing_ok=True)

    def _remove_older(self) -> None:
        """Delete what the newest two states do not need, and after the first state those of other numbers of ranks."""
        parts = self._parts()
        newest = {part[1:3] for part in parts if part.number == self._count}
        for part in parts:
            if part.number < self._count - 1 or (self._resumed and part[1:3] not in newest):
                part.path.unlink(missing_ok=True)
        if self._resumed and newest:
            for path in self._slots():
                path.unlink(missing_ok=True)
        self._resumed = False


def _overlap(part: _Part, space: VectorSpace) -> bool:
    return max(part.first, space.rows.start) < min(part.last, space.rows.stop)


def _covers(parts: list[_Part], dimension: int) -> bool:
    """Whether parts in the order of their rows hold every row once."""
    at = 0
    for part in parts:
        if part.first != at:
            return False
        at = part.last
    return bool(parts) and at == dimension
