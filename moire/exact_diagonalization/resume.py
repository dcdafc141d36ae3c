"""Checkpoints of a spectrum: finished sectors are read, the unfinished sector resumes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moire.errors import require
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.linalg.checkpoint import Checkpoint

LAYOUT = 1  # of the files; those of another layout are computed again
STATE_DIMENSION = 4000  # up to this dimension a sector takes a second, and only its levels are saved


@dataclass(frozen=True)
class SpectrumCheckpoint:
    """Files of one spectrum in a folder that any number of spectra may share.

    The names begin with a hash of everything that determines the result: spectra of other problems, fillings, boundary
    phases or settings have other files, and a repeated call finds its own.

    Parameters
    ----------
    folder
        The folder.
    key
        The hash, see :meth:`of`.

    Raises
    ------
    InputError
        If the folder does not exist.
    """

    folder: Path
    key: str

    def __post_init__(self) -> None:
        require(self.folder.is_dir(), "checkpoint", "be a folder that exists", self.folder)

    @classmethod
    def of(cls, folder: Path | str, hamiltonian: PairHamiltonian, settings: tuple[object, ...]) -> SpectrumCheckpoint:
        """Checkpoint of the spectrum of a Hamiltonian under settings (by ``repr``), such as the tolerance."""
        words = (LAYOUT, hamiltonian.pairs.grid.matrix.tolist(), hamiltonian.transformed, settings)
        digest = hashlib.sha256(repr(words).encode())
        digest.update(hamiltonian.one_body.tobytes() + hamiltonian.blocks.tobytes())
        return cls(Path(folder), digest.hexdigest())

    def state(self, sector: int, dimension: int) -> Path | None:
        """Name, without ending, of the state of an unfinished sector; None if it is too small to be saved."""
        return self._path(sector) if dimension > STATE_DIMENSION else None

    def load(self, sector: int) -> dict[str, Any] | None:
        """Return what :meth:`finish` saved of a sector; None if it is missing or cannot be read."""
        kept = self._levels(sector).load()
        return None if kept is None else {name: _plain(value) for name, value in kept.items()}

    def finish(self, sector: int, fields: Mapping[str, Any]) -> None:
        """Save the numbers, arrays and texts of a finished sector, and delete its intermediate state."""
        encoded = {n: np.array(v.encode()) if isinstance(v, str) else np.asarray(v) for n, v in fields.items()}
        self._levels(sector).save(encoded)
        Checkpoint(self._path(sector), self.key).remove()

    def _path(self, sector: int) -> Path:
        return self.folder / f"{self.key[:12]}-sector-{sector}"

    def _levels(self, sector: int) -> Checkpoint:
        return Checkpoint(self.folder / f"{self.key[:12]}-levels-{sector}", self.key)


def _plain(value: np.ndarray) -> Any:
    if value.ndim:
        return value
    scalar = value.item()
    return scalar.decode() if isinstance(scalar, bytes) else scalar
