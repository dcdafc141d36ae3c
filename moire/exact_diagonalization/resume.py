"""The sectors of a spectrum on disk, so that a killed one goes on: those finished are read, the one at work resumes."""

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

LAYOUT = 1  # of the files; another one is computed anew
STATE_DIMENSION = 4000  # up to here a sector takes a second, and only its levels are kept


@dataclass(frozen=True)
class SpectrumCheckpoint:
    """Files of one spectrum in a folder that any number of spectra share.

    The names begin with a hash of everything that decides the numbers: spectra of other problems, fillings, phases or
    settings never meet, and one that is asked for again finds its own files.

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
        """Checkpoint of the spectrum of a Hamiltonian under settings, such as the tolerance, that print themselves."""
        words = (LAYOUT, hamiltonian.pairs.grid.matrix.tolist(), hamiltonian.transformed, settings)
        digest = hashlib.sha256(repr(words).encode())
        digest.update(hamiltonian.one_body.tobytes() + hamiltonian.blocks.tobytes())
        return cls(Path(folder), digest.hexdigest())

    def state(self, sector: int, dimension: int) -> Path | None:
        """Name, without ending, of the state of a sector at work; None for one that is too small to keep it."""
        return self._path(sector) if dimension > STATE_DIMENSION else None

    def load(self, sector: int) -> dict[str, Any] | None:
        """Return what :meth:`finish` kept of a sector; None if there is nothing, or nothing that can be read."""
        kept = self._levels(sector).load()
        return None if kept is None else {name: _plain(value) for name, value in kept.items()}

    def finish(self, sector: int, fields: Mapping[str, Any]) -> None:
        """Keep the numbers, arrays and texts of a finished sector, and drop its state."""
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
