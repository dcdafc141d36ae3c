"""The optimal damping algorithm: mixtures of determinants, each step to the lowest energy on its line."""

from __future__ import annotations

from dataclasses import dataclass

from moire.hartree_fock.mean_field import MeanField, overlap
from moire.hartree_fock.occupation import Aufbau, entropy
from moire.hartree_fock.stages import Iterate, Keep, Step, forget, largest


@dataclass(frozen=True)
class OptimalDamping:
    """Minimise over mixtures of determinants; each step goes to the lowest energy on its line.

    The energy is quadratic along the line from the mixture to the aufbau state of its Fock matrix, and
    falls at every step. It stops when that state has a residual below the goal and is filled in the aufbau
    order of its own Fock matrix.

    At a temperature the free energy takes its place. The entropy is concave along the line, so that the free energy
    lies below the parabola with the entropies of both ends, and falls where the parabola does.

    Parameters
    ----------
    goal_mev
        Residual in meV to reach.
    max_steps
        Maximum number of steps.

    References
    ----------
    Cances and Le Bris, Int. J. Quantum Chem. 79, 82 (2000).
    """

    goal_mev: float
    max_steps: int

    def __call__(self, mean_field: MeanField, start: Iterate, fill: Aufbau, limit: int, keep: Keep = forget) -> Iterate:
        """Iterate at most `limit` times (:class:`Stage`)."""
        mixture, fock = start.density_matrix, start.fock
        steps, temperature = list(start.steps), fill.temperature_mev
        for _ in range(min(limit, self.max_steps)):
            filled = fill.lowest(fock)
            pure = filled.density_matrix
            change = pure - mixture
            response = mean_field.interaction(change)
            slope, curvature = overlap(fock, change), overlap(response, change)
            fock_pure, energy = fock + response, mean_field.energy(mixture, fock)
            if temperature:
                own = entropy(mixture)
                slope, energy = slope - temperature * (filled.entropy - own), energy - temperature * own
            residual = largest(response if temperature else filled.commutator(fock_pure))
            steps.append(Step("oda", energy / mean_field.n_cells, residual))
            if residual < self.goal_mev:
                if temperature:
                    break
                refilled = fill.lowest(fock_pure).density_matrix
                if overlap(fock_pure, pure - refilled) < self.goal_mev:
                    break
            length = 1.0 if curvature <= -slope else -slope / curvature
            mixture, fock = mixture + length * change, fock + length * response
            keep(mixture, steps)
        return Iterate(pure, fock_pure, mean_field.energy(pure, fock_pure), residual, tuple(steps))
