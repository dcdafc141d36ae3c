"""Settings of the self-consistency loop; problem, filling and temperature are arguments of the solvers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from moire._shown import Shown
from moire._types import checked
from moire.errors import require

Solver = Literal["oda", "diis", "newton"]
SOLVERS: tuple[Solver, ...] = ("oda", "diis", "newton")


@checked
@dataclass(frozen=True, kw_only=True)
class ScfSettings(Shown):
    """Settings of the self-consistency loop.

    Parameters
    ----------
    tolerance_mev
        Residual in meV at which a state counts as converged.
    max_iterations
        Maximum number of iterations, of all solvers together.
    solvers
        Solvers to use, in this order: ``"oda"`` (optimal damping), ``"diis"`` and ``"newton"``. Newton's method is
        not used at a temperature.
    level_shift_mev
        Energy by which DIIS raises the empty states of the last iterate, so that fillings change less from one
        iteration to the next; the solution does not depend on it.
    strict
        Raise the warning of non-convergence as an error.
    checkpoint
        Folder in which every solution is saved, its iterates and its end: the same call resumes there after it was
        interrupted. Any number of solutions may share it.

    Raises
    ------
    InputError
        If a value is impossible.
    """

    tolerance_mev: float = 1e-6
    max_iterations: int = 300
    solvers: tuple[Solver, ...] = SOLVERS
    level_shift_mev: float = 0.0
    strict: bool = False
    checkpoint: Path | str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "solvers", tuple(self.solvers))
        require(self.tolerance_mev > 0, "tolerance_mev", "be positive (in meV)", self.tolerance_mev)
        require(self.max_iterations >= 1, "max_iterations", "be at least 1", self.max_iterations)
        require(
            self.solvers and all(solver in SOLVERS for solver in self.solvers),
            "solvers",
            f"be one or more of {', '.join(SOLVERS)}",
            found=f"are {self.solvers}",
        )
        shift = self.level_shift_mev
        require(0 <= shift < np.inf, "level_shift_mev", "be finite and not negative", shift)
        shifts = not shift or "diis" in self.solvers
        require(shifts, "level_shift_mev", "be zero without the solver 'diis', which alone uses it", shift)

    def check_temperature(self, temperature_mev: float) -> None:
        """Raise InputError unless the solvers can be used at this k_B T in meV."""
        require(0 <= temperature_mev < np.inf, "temperature_mev", "be finite and not negative", temperature_mev)
        if temperature_mev:
            require(
                not self.level_shift_mev,
                "level_shift_mev",
                "be zero at a nonzero temperature, where it would change the occupations",
                self.level_shift_mev,
            )
            with_diis = "diis" in self.solvers
            require(with_diis, "solvers", "include 'diis' at a temperature, where it alone converges", self.solvers)


DEFAULTS = ScfSettings()
