"""Low states of a manifold's sectors, and levels of the others, at one pair of boundary phases."""

from __future__ import annotations

from dataclasses import dataclass, field

from moire._arrays import ComplexArray, FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import InputError, require
from moire.exact_diagonalization import PairHamiltonian, Spectrum
from moire.grids import Label


@checked
@dataclass(frozen=True, eq=False)
class StatesAtPhase(Shown):
    """Low states at given boundary phases.

    Parameters
    ----------
    bands
        The bands at these phases.
    spectrum
        Energies and vectors of the sectors of the manifold.
    others
        Lowest energies of the other sectors, if requested.
    hamiltonian
        In pair form, of the species diagonalized; None where it is not known.
    related_mev
        Bound on the error of energies taken from related phases; zero where the levels were solved.
    """

    bands: BandStructure = field(repr=False)
    spectrum: Spectrum = field(repr=False)
    others: Spectrum | None = field(default=None, repr=False)
    hamiltonian: PairHamiltonian | None = field(default=None, repr=False)
    related_mev: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether every level of every sector solved converged."""
        return all(self.spectrum.converged) and (self.others is None or all(self.others.converged))

    def energies(self, label: Label) -> FloatArray:
        """Levels of a sector in meV."""
        found = self.spectrum if label in self.spectrum.labels else self.others
        if found is None:
            raise InputError(f"`label` must be a sector that was solved, but is {label}.")
        levels: FloatArray = found.energies[found.labels.index(label)]
        return levels

    def start(self, label: Label, count: int) -> ComplexArray | None:
        """The lowest `count` vectors of a sector, as far as they are held; None if none are."""
        for found in (self.spectrum, self.others):
            if found is not None and found.vectors and label in found.labels:
                vectors = found.vectors[found.labels.index(label)][:count]
                return vectors if len(vectors) else None
        return None

    def vectors(self, label: Label, count: int) -> ComplexArray:
        """The lowest `count` vectors of a sector, (level, state)."""
        vectors = self.spectrum.vectors[self.spectrum.labels.index(label)][:count]
        reached = f"reached by the {count} states of the manifold in sector {label}"
        require(len(vectors) == count, "tolerance_mev", f"be {reached}", found=f"only {len(vectors)} reach it")
        return vectors
