"""Levels at one pair of boundary phases: those of the manifold, the next one, and no more than these need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from moire.exact_diagonalization import Spectrum, SpectrumSettings, solve_all_sectors
from moire.grids import Label
from moire.observables.lowest_level import BOUNDED_MEV, Start, finished, undecided
from moire.projection import ProjectedHamiltonian


def vector_tolerance(tolerance_mev: float) -> float:
    """Residual r whose error of an energy, r**2 over a distance of levels of 1 meV, is the tolerance."""
    return max(tolerance_mev, float(np.sqrt(tolerance_mev)))


@dataclass(frozen=True, kw_only=True)
class PhaseSpectra:
    """Which levels are solved at every pair of boundary phases.

    The states of the manifold have residuals of :func:`vector_tolerance`. All other levels are first known to 0.01 meV,
    which tells those apart that could be the lowest one; only these are solved to the end.

    Parameters
    ----------
    filling, polarisation
        Carriers per cell, and N_K - N_K' of two flavours.
    counts
        States of the manifold in each sector.
    others
        Labels of the sectors without any.
    settings
        Settings of the spectra.
    """

    filling: Fraction
    polarisation: int | None
    counts: Counter[Label]
    others: tuple[Label, ...]
    settings: SpectrumSettings

    def solve(
        self, problem: ProjectedHamiltonian, n_levels: int, n_others: int, start: Start
    ) -> tuple[Spectrum, Spectrum | None]:
        """Spectra of the sectors of the manifold and, if any of their levels are asked for, of the others.

        Parameters
        ----------
        problem
            The problem at these phases.
        n_levels, n_others
            Levels of each sector of the manifold, and of each other sector.
        start
            Vectors that start the solution of a sector, or None.
        """
        fine = vector_tolerance(self.settings.tolerance_mev)
        coarse = max(BOUNDED_MEV, fine)
        looser = (fine,) * max(self.counts.values()) + (coarse,)
        own = self._sectors(problem, sorted(self.counts), n_levels, looser, start)
        if not n_others or not self.others:
            return own, None
        others = self._sectors(problem, self.others, n_others, (coarse,), start)
        levels = [(own, [self.counts[label] for label in own.labels]), (others, [0] * len(others.labels))]
        own_rows, other_rows = undecided(levels, fine)
        own = finished(own, own_rows, lambda labels, known: self._sectors(problem, labels, n_levels, (fine,), known))
        others = finished(
            others, other_rows, lambda labels, known: self._sectors(problem, labels, n_others, (fine,), known)
        )
        return own, replace(others, vectors=tuple(vectors.astype(np.complex64) for vectors in others.vectors))

    def _sectors(
        self,
        problem: ProjectedHamiltonian,
        labels: Sequence[Label],
        n_levels: int,
        looser: tuple[float, ...],
        start: Start,
    ) -> Spectrum:
        return solve_all_sectors(
            problem,
            self.filling,
            n_levels,
            momenta=labels,
            polarisation=self.polarisation,
            keep_vectors=True,
            start=start,
            settings=replace(self.settings, progress=False, looser_mev=looser),
        )
