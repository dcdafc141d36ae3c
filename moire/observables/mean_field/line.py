"""Mean-field ground states along a line of interaction strengths, with their phases and competitors."""

from __future__ import annotations

from dataclasses import dataclass, field

from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.hartree_fock import GroundState, HartreeFockResult, bands_move_mev
from moire.hartree_fock.ground_state import undecided
from moire.observables.mean_field.phase import MeanFieldPhase, identify_phase


@checked
@dataclass(frozen=True, eq=False)
class MeanFieldPoint(Shown):
    """States at one dielectric constant, lowest first, each with its phase.

    Parameters
    ----------
    epsilon_r
        Dielectric constant.
    found
        The states.
    phases
        Phase of each state, in the order of the states.
    """

    epsilon_r: float
    found: GroundState
    phases: tuple[MeanFieldPhase, ...] = field(repr=False)

    @classmethod
    def of(cls, epsilon_r: float, found: GroundState) -> MeanFieldPoint:
        """Point with the named phase of every state found."""
        return cls(epsilon_r, found, tuple(identify_phase(state) for state in found.solutions))

    @property
    def best(self) -> HartreeFockResult:
        """The lowest state."""
        return self.found.best

    @property
    def phase(self) -> MeanFieldPhase:
        """The phase of the lowest state."""
        return self.phases[0]

    @property
    def runner_up(self) -> tuple[str, float]:
        """Lowest phase with another name, and its energy above the ground state in meV per cell; ("", nan) if none."""
        for state, phase in zip(self.found.solutions, self.phases, strict=True):
            if state.converged and phase.name != self.phase.name:
                return phase.name, state.free_energy_per_cell - self.best.free_energy_per_cell
        return "", float("nan")

    @property
    def is_decided(self) -> bool:
        """Whether the next phase lies higher than the shift due to bands left out, 0.25 meV per cell."""
        return not self.runner_up[1] < bands_move_mev(self.best.problem)

    def __str__(self) -> str:
        lines = [str(self.best), str(self.phase), ""]
        lines.append(
            f"{'phase':>8} {'guess':>26} {'E - E_0 (meV/cell)':>19} {'gap (meV)':>10} {'residual':>9}  converged"
        )
        for state, phase in zip(self.found.solutions, self.phases, strict=True):
            excess = state.free_energy_per_cell - self.best.free_energy_per_cell
            lines.append(
                f"{phase.name:>8} {state.guess:>26} {Number(excess):19.5f} {Number(state.gap):10.4f} "
                f"{state.residual:9.1e}  "
                f"{'yes' if state.converged else 'NO: ' + state.stop_reason}"
            )
        n_starts, reached = len(self.found.solutions), self.found.n_reached
        advice = "" if reached > 1 else "; more random starts (n_random) may find a lower one"
        lines.append(f"The lowest state was reached by {reached} of {n_starts} starts{advice}.")
        if not self.is_decided:
            lines.append(undecided(*self.runner_up))
        if any(phase.name == "metal" for phase in self.phases):
            lines.append("The gap of a metal is the spacing of levels on this mesh.")
        return "\n".join(lines)
