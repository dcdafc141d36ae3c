"""Comparison of a spectrum at half filling with the momenta of a composite Fermi liquid."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization.spectrum import Spectrum
from moire.predictions import CompositeFermiSeas, composite_fermi_seas
from moire.verdicts import Verdict

CLOSED_SHELL = 0.01  # excess of the next sea below which interactions may reorder them


@checked
@dataclass(frozen=True, eq=False)
class CompositeFermiLiquid(Shown):
    """The states predicted by compact seas, compared with a spectrum.

    Parameters
    ----------
    prediction
        Seas and momenta.
    splitting
        Largest minus smallest of the lowest energies at these momenta, meV; NaN if not all were solved.
    gap
        Lowest energy of any other state minus the largest of them, meV; negative when one lies below, NaN when it
        is not known.
    decision
        Whether the lowest states of the spectrum are the predicted ones, and why.
    """

    prediction: CompositeFermiSeas
    splitting: float
    gap: float
    decision: Verdict

    @property
    def agrees(self) -> bool:
        """Whether the lowest states were found to be the predicted ones."""
        return self.decision.answer is True

    @property
    def verdict(self) -> str:
        """The decision, in one sentence."""
        return self.decision.sentence

    def __str__(self) -> str:
        return f"{self.prediction}\n{self.verdict}"


@checked
def composite_fermi_liquid(spectrum: Spectrum) -> CompositeFermiLiquid:
    """Compare a spectrum at half filling with the momenta of compact composite-Fermi seas.

    Agreement of momenta is no proof: a composite Fermi liquid has no gap, and the distance to the next state is that
    of the next sea on this cluster.

    Parameters
    ----------
    spectrum
        At filling 1/2, with more levels per sector than are predicted there. With two flavours the seas hold all
        carriers in one of them, and the levels of other polarisations count as others.

    Raises
    ------
    InputError
        If the filling is not 1/2.
    """
    require(spectrum.filling == Fraction(1, 2), "spectrum", "be at filling 1/2", found=f"is at {spectrum.filling}")
    prediction = composite_fermi_seas(spectrum.grid)
    polarisation = spectrum.polarisation
    partial = spectrum.energies[np.abs(polarisation) < spectrum.n_carriers]
    polarised = np.flatnonzero(np.abs(polarisation) == spectrum.n_carriers)
    wanted, inside, outside = Counter(prediction.momenta), [], partial[np.isfinite(partial)].tolist()
    known = 0
    for row in polarised[polarisation[polarised] == polarisation[polarised[:1]]]:
        levels, taken = spectrum.energies[row], wanted.get(spectrum.labels[row], 0)
        solved = levels[np.isfinite(levels)]
        inside += solved[:taken].tolist()
        outside += solved[taken : taken + 1].tolist()
        known += len(solved) >= min(taken + 1, int(spectrum.dimensions[row]))
    n_states = len(prediction.momenta)
    heads = ("Composite-Fermi-liquid momenta", "Other momenta")
    if len(inside) < n_states or not outside or known < spectrum.grid.n_points:
        undecided = Verdict(None, f"the {n_states} states of compact seas or the next ones were not all solved", *heads)
        return CompositeFermiLiquid(prediction, float("nan"), float("nan"), undecided)
    splitting, gap = max(inside) - min(inside), min(outside) - max(inside)
    numbers = f"splitting {Number(splitting):.4f} meV, next state {Number(gap):.4f} meV above"
    if prediction.excess < CLOSED_SHELL:
        numbers += f"; the next sea is only {Number(100 * prediction.excess):.1f} % larger"
    agree = f"the {n_states} lowest states are those of compact seas"
    differ = f"a state outside the {n_states} of compact seas lies lower"
    decision = Verdict(gap > 0, f"{agree if gap > 0 else differ}; {numbers}", *heads)
    return CompositeFermiLiquid(prediction, splitting, gap, decision)
