"""Many-body spectrum: energies and residuals of the sectors, and the predicted manifold."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import comb, prod

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire._shown import Shown
from moire._text import Number, amount
from moire._types import checked
from moire.exact_diagonalization.manifold import Manifold, find_manifold
from moire.exact_diagonalization.truncation import Truncation
from moire.filling import describe_filling
from moire.grids import Label, MomentumGrid
from moire.orbitals import Numbers, Species

DEGENERACY_TOLERANCE_MEV = 1e-6


@checked
@dataclass(frozen=True, eq=False)
class Spectrum(Shown):
    """Lowest energies of the sectors of conserved charges at one filling.

    Parameters
    ----------
    species
        Particles that were diagonalized, carriers or (where they are fewer) missing carriers, and their orbitals.
    filling
        Carriers per cell.
    carriers
        (sector, flavour), carriers (holes) of each flavour.
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
    storage
        Storage of the matrices: ``"csr"``, ``"matrix-free"`` or ``"csr and matrix-free"``.
    seed
        Seed of the starting vectors; each sector draws from (seed, carriers, momentum).
    description
        The problem and its approximations, by name.
    vectors
        One array (level, dim) per sector, of the species diagonalized; empty unless asked for.
    rotations_deg
        Rotations of the cluster that relate sectors; one sector of each orbit was solved.
    reverses_time
        Whether sectors of opposite polarisation were related by time reversal.
    symmetry_bound_mev
        Bound on the change of the Hamiltonian under these symmetries; it is part of the residuals of related sectors.
    reversal_mev
        Bound on the difference between the energies of polarisations below zero and those of their partners under time
        reversal; None where they were solved, or where it exceeds 0.01 meV.
    truncation
        Which states were kept, if not all.
    """

    species: Species
    filling: Fraction
    carriers: IntArray = field(repr=False)
    momenta: IntArray = field(repr=False)
    dimensions: IntArray = field(repr=False)
    energies: FloatArray = field(repr=False)
    residuals: FloatArray = field(repr=False)
    n_products: IntArray = field(repr=False)
    converged: tuple[bool, ...] = field(repr=False)
    stop_reason: tuple[str, ...] = field(repr=False)
    storage: str
    seed: int
    description: dict[str, object] = field(repr=False)
    vectors: tuple[ComplexArray, ...] = field(default=(), repr=False)
    rotations_deg: tuple[int, ...] = ()
    reverses_time: bool = False
    symmetry_bound_mev: float = 0.0
    reversal_mev: float | None = None
    truncation: Truncation | None = None

    @property
    def grid(self) -> MomentumGrid:
        """The cluster."""
        return self.species.orbitals.grid

    @property
    def n_carriers(self) -> int:
        """Number of carriers of all flavours."""
        return int(self.carriers[0].sum())

    @property
    def n_particles(self) -> int:
        """Number of particles of the species diagonalized."""
        return sum(self.numbers(0))

    @property
    def transformed(self) -> bool:
        """Whether the missing carriers were diagonalized."""
        return self.species.missing

    def numbers(self, row: int) -> Numbers:
        """Particles of each flavour of the species diagonalized, in a sector."""
        return self.species.numbers(tuple(self.carriers[row].tolist()))

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels of the sectors."""
        return tuple((int(first), int(second)) for first, second in self.momenta)

    @property
    def ground_energy(self) -> float:
        """Lowest total energy in meV; NaN where no level converged."""
        known = self.energies[np.isfinite(self.energies)]
        return float(known.min()) if known.size else float("nan")

    @property
    def energy_per_carrier(self) -> float:
        """Lowest energy per carrier in meV."""
        return self.ground_energy / self.n_carriers

    @property
    def polarisation(self) -> IntArray:
        """N_K - N_K' of each sector, twice its S_z, (sector,); the number of carriers for one flavour."""
        signs: IntArray = np.array([1, -1], dtype=np.int64)[: self.carriers.shape[1]]
        difference: IntArray = self.carriers @ signs
        return difference

    @property
    def sum_rule(self) -> str:
        """Total dimension of each polarisation compared with its binomial coefficient; empty if momenta are missing."""
        every, lines = self.grid.n_points, []
        for polarisation in dict.fromkeys(self.polarisation.tolist()):
            rows = np.flatnonzero(self.polarisation == polarisation)
            if len({self.labels[row] for row in rows}) != every:
                return ""
            numbers = self.numbers(int(rows[0]))
            total = prod(comb(self.species.orbitals.per_flavour, number) for number in numbers)
            found = int(self.dimensions[rows].sum())
            name = f"S_z = {Fraction(polarisation, 2)}: " if len(numbers) == 2 else ""
            whole = f" of {total}" if self.truncation is not None else f" (NOT {total})"
            lines.append(f"{name}{found}" + ("" if found == total else whole))
        return ", ".join(lines) + (f", {self.truncation}" if self.truncation is not None else "")

    @property
    def _symmetries(self) -> str:
        angles = ", ".join(str(angle) for angle in self.rotations_deg)
        names = [f"rotations of {angles} degrees"] if angles else []
        names += ["time reversal"] if self.reverses_time else []
        solved = sum(" from sector " not in reason for reason in self.stop_reason)
        return f"{' and '.join(names)} (H invariant to {self.symmetry_bound_mev:.0e} meV), {solved} solved"

    @property
    def _left_out(self) -> str:
        return f"left out: time reversal gives their energies, to {self.reversal_mev:.0e} meV"

    @cached_property
    def manifold(self) -> Manifold | None:
        """The predicted ground-state manifold; None where no incompressible state is predicted.

        With two flavours it is that of full polarisation, and the solved levels of every other polarisation count as
        outside.
        """
        if self.filling > 1:
            return None
        polarised = np.abs(self.polarisation) == self.n_carriers
        if self.carriers.shape[1] > 1 and polarised.any():  # one of the two, which time reversal relates
            polarised = self.polarisation == self.polarisation[polarised][0]
        others = self.energies[np.abs(self.polarisation) < self.n_carriers].ravel()
        labels = tuple(label for label, own in zip(self.labels, polarised, strict=True) if own)
        chosen = self.dimensions[polarised], self.energies[polarised]
        return find_manifold(self.grid, self.filling, labels, *chosen, others)

    @property
    def caveat(self) -> str | None:
        """Caveat on a signature below half filling, in one sentence; None without a signature.

        References
        ----------
        Yu et al., arXiv:2309.14429, and Abouelkomsan, Reddy, Fu and Bergholtz, arXiv:2309.16548: with several bands
        the states of twisted MoTe2 at 1/3 and 2/3 differ.
        """
        if self.manifold is None or not self.manifold.is_signature or self.filling >= Fraction(1, 2):
            return None
        n_bands = self.species.orbitals.n_bands
        kept = "one band was" if n_bands == 1 else f"{n_bands} bands of a valley were"
        return (
            f"Caveat: {kept} kept, and at filling {self.filling}, below 1/2, the bands left out may end this "
            "state (arXiv:2309.14429, arXiv:2309.16548)."
        )

    def table(self, n_rows: int | None = None) -> str:
        """All levels by energy: momentum, S_z of two flavours, energy above the ground state, degeneracy, residual."""
        rows, levels = np.nonzero(np.isfinite(self.energies))
        order = np.argsort(self.energies[rows, levels], kind="stable")
        rows, levels = rows[order], levels[order]
        values = self.energies[rows, levels]
        breaks = np.concatenate([[True], np.diff(values) > DEGENERACY_TOLERANCE_MEV])
        group = np.cumsum(breaks) - 1
        multiplicity = np.bincount(group)
        spins = [""] * len(self.momenta)
        if self.carriers.shape[1] == 2:
            spins = [f" {Fraction(int(polarisation), 2)!s:>5}" for polarisation in self.polarisation]
        column = f" {'S_z':>5}" if spins[0] else ""
        heads = f"{'level':>5} {'energy (meV)':>15} {'above':>10} {'degeneracy':>10} {'residual':>9}"
        lines = [f"{'momentum':>10}{column} {heads}"]
        for i in range(len(values) if n_rows is None else min(n_rows, len(values))):
            row, level = int(rows[i]), int(levels[i])
            above = values[i] - values[0]
            lines.append(
                f"{self.labels[row]!s:>10}{spins[row]} {level:>5} {Number(values[i]):15.6f} {Number(above):10.6f} "
                f"{multiplicity[group[i]]:>10} {self.residuals[row, level]:9.1e}"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        carrier = str(self.description["carrier"])
        per_cell = describe_filling(self.filling, carrier)
        head = [f"{name:>15}  {value}" for name, value in self.description.items()]
        head += [
            f"{'filling':>15}  {per_cell}: {self.n_carriers} {carrier}s on {self.grid.n_points} cells",
            f"{'solved for':>15}  {self.species}",
            f"{'sectors':>15}  {len(self.dimensions)}, dimension up to {self.dimensions.max()}, {self.storage}",
            *([f"{'states':>15}  {self.sum_rule}"] if self.sum_rule else []),
            *([f"{'related by':>15}  {self._symmetries}"] if self.rotations_deg or self.reverses_time else []),
            *([] if self.reversal_mev is None else [f"{'S_z < 0':>15}  {self._left_out}"]),
            f"{'converged':>15}  {sum(self.converged)} of {len(self.converged)}",
            f"{'E0 per carrier':>15}  {amount(self.energy_per_carrier, 'meV', 6)}",
        ]
        tail = [self.manifold.verdict] if self.manifold else ["No incompressible state is predicted at this filling."]
        return "\n".join([*head, self.table(12), *tail, *([self.caveat] if self.caveat else [])])
