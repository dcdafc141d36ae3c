"""The many-body spectrum: energies at every momentum in one table, residuals, and the manifold."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.exact_diagonalization.manifold import Label, Manifold, find_manifold
from moire.filling import describe_filling
from moire.grids import MomentumGrid

DEGENERACY_TOLERANCE_MEV = 1e-6


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Lowest energies of momentum sectors at one filling.

    Parameters
    ----------
    grid
        The cluster.
    filling
        Carriers per cell.
    n_carriers
        Number of carriers (holes).
    momenta
        (sector, 2), labels of the total momentum of the carriers.
    dimensions
        (sector,).
    energies
        (sector, level), total energies in meV, ascending; NaN beyond the dimension or where not converged.
    residuals
        (sector, level), |H v - E v| in meV.
    n_products
        (sector,), matrix-vector products; 0 where a dense solver was used.
    converged, stop_reason
        (sector,) each.
    transformed
        Whether the minority species (missing carriers) was diagonalized.
    storage
        How the matrices were held, ``"csr"``, ``"matrix-free"`` or ``"csr and matrix-free"``.
    seed
        Seed of the starting vectors; each sector draws from (seed, carriers, momentum).
    description
        The problem and its approximations, by name.
    vectors
        One array (level, dim) per sector, of the species diagonalized; empty unless asked for.
    rotations_deg
        Rotations of the cluster by which sectors were related, one of each orbit being solved.
    symmetry_bound_mev
        How much the Hamiltonian may change under them; it is part of the residuals of related sectors.
    """

    grid: MomentumGrid
    filling: Fraction
    n_carriers: int
    momenta: IntArray = field(repr=False)
    dimensions: IntArray = field(repr=False)
    energies: FloatArray = field(repr=False)
    residuals: FloatArray = field(repr=False)
    n_products: IntArray = field(repr=False)
    converged: tuple[bool, ...] = field(repr=False)
    stop_reason: tuple[str, ...] = field(repr=False)
    transformed: bool
    storage: str
    seed: int
    description: dict[str, object] = field(repr=False)
    vectors: tuple[ComplexArray, ...] = field(default=(), repr=False)
    rotations_deg: tuple[int, ...] = ()
    symmetry_bound_mev: float = 0.0

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels of the sectors."""
        return tuple((int(first), int(second)) for first, second in self.momenta)

    @property
    def ground_energy(self) -> float:
        """Lowest total energy in meV."""
        return float(np.nanmin(self.energies))

    @property
    def energy_per_carrier(self) -> float:
        """Lowest energy per carrier in meV."""
        return self.ground_energy / self.n_carriers

    @property
    def _rotations(self) -> str:
        angles = ", ".join(str(angle) for angle in self.rotations_deg)
        solved = sum("rotated" not in reason for reason in self.stop_reason)
        return f"rotations of {angles} degrees (H invariant to {self.symmetry_bound_mev:.0e} meV), {solved} solved"

    @cached_property
    def manifold(self) -> Manifold | None:
        """The predicted ground-state manifold; None where no incompressible state is predicted."""
        return find_manifold(self.grid, self.filling, self.labels, self.dimensions, self.energies)

    def table(self, n_rows: int | None = None) -> str:
        """All levels by energy: momentum, energy above the ground state, degeneracy, residual."""
        rows, levels = np.nonzero(np.isfinite(self.energies))
        order = np.argsort(self.energies[rows, levels], kind="stable")
        rows, levels = rows[order], levels[order]
        values = self.energies[rows, levels]
        breaks = np.concatenate([[True], np.diff(values) > DEGENERACY_TOLERANCE_MEV])
        group = np.cumsum(breaks) - 1
        multiplicity = np.bincount(group)
        lines = [f"{'momentum':>10} {'level':>5} {'energy (meV)':>15} {'above':>10} {'degeneracy':>10} {'residual':>9}"]
        for i in range(len(values) if n_rows is None else min(n_rows, len(values))):
            row, level = int(rows[i]), int(levels[i])
            lines.append(
                f"{self.labels[row]!s:>10} {level:>5} {values[i]:15.6f} {values[i] - values[0]:10.6f} "
                f"{multiplicity[group[i]]:>10} {self.residuals[row, level]:9.1e}"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        carrier = str(self.description["carrier"])
        per_cell = describe_filling(self.filling, carrier)
        species = "missing carriers" if self.transformed else "carriers"
        head = [f"{name:>15}  {value}" for name, value in self.description.items()]
        head += [
            f"{'filling':>15}  {per_cell}: {self.n_carriers} {carrier}s on {self.grid.n_points} cells",
            f"{'solved for':>15}  {species}",
            f"{'sectors':>15}  {len(self.dimensions)}, dimension up to {self.dimensions.max()}, {self.storage}",
            *([f"{'related by':>15}  {self._rotations}"] if self.rotations_deg else []),
            f"{'converged':>15}  {sum(self.converged)} of {len(self.converged)}",
            f"{'E0 per carrier':>15}  {self.energy_per_carrier:.6f} meV",
        ]
        tail = [self.manifold.verdict] if self.manifold else ["No incompressible state is predicted at this filling."]
        return "\n".join([*head, self.table(12), *tail])
