"""Comparison of a spectrum with the predicted manifold of a fractional Chern insulator: splitting and gap."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from moire._arrays import FloatArray, IntArray
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.grids import Label, MomentumGrid
from moire.predictions import expected_momenta
from moire.verdicts import Verdict

_NOTHING = np.zeros(0)


@checked
@dataclass(frozen=True)
class Manifold(Shown):
    """The predicted ground-state manifold, compared with a spectrum.

    Parameters
    ----------
    momenta
        Predicted labels, with multiplicity.
    energies
        Lowest energies found there, meV, one per predicted state (fewer if not enough were solved).
    splitting
        Largest minus smallest of them, meV.
    gap
        Lowest energy outside the manifold minus the largest inside, meV; negative when a state outside
        lies below, NaN when it is not known: a sector, or the next level of one, was not solved.
    decision
        Whether the q lowest states are the predicted ones and the gap exceeds their splitting, and why.
    """

    momenta: tuple[Label, ...]
    energies: tuple[float, ...]
    splitting: float
    gap: float
    decision: Verdict

    @property
    def is_signature(self) -> bool:
        """Whether the states were found to be the lowest ones, with a gap that exceeds their splitting."""
        return self.decision.answer is True

    @property
    def verdict(self) -> str:
        """The decision, in one sentence."""
        return self.decision.sentence


def find_manifold(
    grid: MomentumGrid,
    filling: Fraction,
    solved: tuple[Label, ...],
    dimensions: IntArray,
    energies: FloatArray,
    others: FloatArray = _NOTHING,
) -> Manifold | None:
    """Compare energies (sector, level), NaN where absent, with the prediction; None if there is none.

    Parameters
    ----------
    grid, filling
        Cluster and carriers per cell.
    solved
        Labels of the sectors, one per row of `energies`.
    dimensions
        Dimension of each sector: distinguishes a sector without further states from one where fewer were solved.
    others
        Levels that are outside at any momentum, such as those of other polarisations; NaN is ignored.
    """
    momenta = expected_momenta(grid, filling)
    if momenta is None:
        return None
    rows = {label: row for row, label in enumerate(solved)}
    wanted = Counter(momenta)
    inside, outside, n_bounded = (
        [],
        others[np.isfinite(others)].tolist(),
        0,
    )  # sectors whose lowest state outside the manifold is known
    for label, row in rows.items():
        levels = energies[row][np.isfinite(energies[row])]
        taken = wanted.get(label, 0)
        inside += levels[:taken].tolist()
        outside += levels[taken : taken + 1].tolist()
        n_bounded += len(levels) >= min(taken + 1, int(dimensions[row]))
    q = len(momenta)
    places = " ".join(f"{label}" + (f" x{count}" if count > 1 else "") for label, count in sorted(wanted.items()))
    if len(inside) < q or not outside:
        reason = f"the {q} states predicted at {places} were not all solved; ask for more states or sectors"
        return Manifold(momenta, tuple(sorted(inside)), float("nan"), float("nan"), _decide(None, reason))
    splitting, gap = max(inside) - min(inside), min(outside) - max(inside)
    numbers = f"splitting {Number(splitting):.4f} meV, gap above {Number(gap):.4f} meV"
    if gap <= 0:
        decision = _decide(False, f"a state outside the {q} predicted at {places} lies lower; {numbers}")
    elif n_bounded < grid.n_points:
        reason = (
            f"the next state is known in only {n_bounded} of {grid.n_points} sectors; splitting "
            f"{Number(splitting):.4f} meV, gap above at most {Number(gap):.4f} meV; ask for more states or sectors"
        )
        decision, gap = _decide(None, reason), float("nan")
    elif gap > splitting:
        decision = _decide(True, f"the {q} lowest states lie at the predicted momenta {places}; {numbers}")
    else:
        reason = f"the {q} lowest states lie at {places}, but the gap does not exceed their splitting; {numbers}"
        decision = _decide(False, reason, no="Weak")
    return Manifold(momenta, tuple(sorted(inside)), splitting, gap, decision)


def _decide(answer: bool | None, reason: str, no: str = "No FCI signature") -> Verdict:
    return Verdict(answer, reason, "FCI signature", no)
