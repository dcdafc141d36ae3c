"""Checkpoint of a Hartree-Fock solution: an interrupted one continues, a finished one is read."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from moire._arrays import ComplexArray
from moire.errors import require
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.occupation import Aufbau
from moire.hartree_fock.settings import SOLVERS, ScfSettings
from moire.hartree_fock.stages import Iterate, Step
from moire.linalg.checkpoint import Checkpoint

LAYOUT = 1  # of the files; those of another layout are computed again
_SHARE = 0.05  # of the time may be spent on writing


@dataclass(frozen=True)
class Position:
    """Where a solution stands.

    Parameters
    ----------
    attempt, stage
        Round of the loop, counted from 1, and index of the stage in it.
    density_matrix
        P of the iterate, (r, orbital, orbital).
    steps
        All steps so far.
    """

    attempt: int
    stage: int
    density_matrix: ComplexArray = field(repr=False)
    steps: tuple[Step, ...] = ()


@dataclass
class Progress:
    """Files of one solution in a folder that any number of solutions may share.

    The names begin with a hash of everything that determines the solution: problem, bands, cell, start, filling,
    symmetry and settings. Iterates are written at most so often that a twentieth of the time is spent on it.

    Parameters
    ----------
    slots
        The files.
    """

    slots: Checkpoint
    _next: float = field(default=0.0, init=False)

    @classmethod
    def of(
        cls, mean_field: MeanField, start: ComplexArray, fill: Aufbau, symmetry: str, settings: ScfSettings
    ) -> Progress:
        """Files of the solution from a start, in the folder of the settings.

        Raises
        ------
        InputError
            If the folder does not exist.
        """
        folder = Path(str(settings.checkpoint))
        require(folder.is_dir(), "checkpoint", "be a folder that exists", folder)
        how = replace(settings, checkpoint=None, strict=False)
        words = [LAYOUT, mean_field.problem.describe(), mean_field.folding.describe(), repr(fill), symmetry, repr(how)]
        digest = hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode())
        for array in (mean_field.one_body, mean_field.problem.bands.states, start):  # P is in the gauge of the states
            digest.update(np.ascontiguousarray(array).data)
        key = digest.hexdigest()
        return cls(Checkpoint(folder / f"{key[:12]}-scf", key))

    def load(self) -> Position | tuple[Iterate, bool] | None:
        """Return where a solution stands, or a finished one and whether it is aufbau; None without files."""
        kept = self.slots.load()
        if kept is None:
            return None
        columns = (kept["solvers"], kept["energies"], kept["residuals"])
        steps = tuple(Step(SOLVERS[int(n)], float(e), float(r)) for n, e, r in zip(*columns, strict=True))
        if "fock" not in kept:
            return Position(int(kept["attempt"]), int(kept["stage"]), kept["density_matrix"], steps)
        energy, residual = float(kept["energy"]), float(kept["residual"])
        return Iterate(kept["density_matrix"], kept["fock"], energy, residual, steps), bool(kept["is_aufbau"])

    def keep(self, attempt: int, stage: int, density_matrix: ComplexArray, steps: Sequence[Step]) -> None:
        """Save an iterate, unless one was saved a short time ago."""
        now = time.perf_counter()
        if now < self._next:
            return
        self._save(steps, density_matrix=density_matrix, attempt=attempt, stage=stage)
        after = time.perf_counter()
        self._next = after + (after - now) / _SHARE

    def finish(self, state: Iterate, is_aufbau: bool) -> None:
        """Save the last iterate as the solution, which is then read with its bits."""
        self._save(
            state.steps,
            density_matrix=state.density_matrix,
            fock=state.fock,
            energy=state.energy,
            residual=state.residual,
            is_aufbau=is_aufbau,
        )

    def _save(self, steps: Sequence[Step], **fields: ComplexArray | float) -> None:
        history = {
            "solvers": np.array([SOLVERS.index(step.solver) for step in steps], dtype=np.int64),
            "energies": np.array([step.energy_per_cell for step in steps]),
            "residuals": np.array([step.residual for step in steps]),
        }
        self.slots.save(history | {name: np.asarray(value) for name, value in fields.items()})
