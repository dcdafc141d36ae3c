"""The momentum distribution n(k) of the carriers in a manifold of many-body states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._text import Number
from moire.exact_diagonalization import Spectrum
from moire.grids import MomentumGrid
from moire.observables.manifold_states import State, check_states
from moire.observables.reduced_density import density_blocks


@dataclass(frozen=True, eq=False)
class MomentumOccupation:
    """n(k) = <c^+_k c_k> of the carriers, converted from that of the missing carriers if these were diagonalized.

    Parameters
    ----------
    grid
        The cluster.
    n_carriers
        Number of carriers.
    states
        (row of the sector, level) of the states.
    per_state
        (state, k), each in [0, 1] and summing to `n_carriers` over k.
    """

    grid: MomentumGrid
    n_carriers: int
    states: tuple[State, ...]
    per_state: FloatArray = field(repr=False)

    @property
    def mean(self) -> FloatArray:
        """n(k) averaged over the states, (k,)."""
        mean: FloatArray = self.per_state.mean(axis=0)
        return mean

    @property
    def filling(self) -> float:
        """Carriers per cell, the mean of n(k)."""
        return self.n_carriers / self.grid.n_points

    @property
    def spread(self) -> float:
        """Standard deviation of the averaged n(k) over the zone; zero in a Landau level, largest in a Fermi sea."""
        return float(self.mean.std())

    @property
    def relative_spread(self) -> float:
        """Spread in units of that of a Fermi sea of the same filling, sqrt(nu (1 - nu)); NaN for a full band."""
        fermi_sea = np.sqrt(self.filling * (1 - self.filling))
        return self.spread / float(fermi_sea) if fermi_sea > 0 else float("nan")

    @property
    def sum_rule_error(self) -> float:
        """Largest |sum_k n(k) - N| of a state."""
        return float(np.abs(self.per_state.sum(axis=1) - self.n_carriers).max())

    def __str__(self) -> str:
        rows = [f"{'momentum':>10} {'n(k)':>9} {'smallest':>9} {'largest':>9}"]
        for (first, second), mean, column in zip(self.grid.labels, self.mean, self.per_state.T, strict=True):
            rows.append(
                f"{f'({first}, {second})':>10} {Number(mean):9.5f} {Number(column.min()):9.5f} "
                f"{Number(column.max()):9.5f}"
            )
        known = np.isfinite(self.relative_spread)
        sea = f"{Number(self.relative_spread):.3f} of a Fermi sea" if known else "a full band"
        return "\n".join(
            [
                f"n(k) of {self.n_carriers} carriers on {self.grid.name}, {len(self.states)} states averaged",
                *rows,
                f"mean {Number(self.filling):.5f}, from {Number(self.mean.min()):.5f} to "
                f"{Number(self.mean.max()):.5f}, "
                f"spread {Number(self.spread):.5f} ({sea}), "
                f"sum rule to {self.sum_rule_error:.1e}",
            ]
        )


def momentum_occupation(spectrum: Spectrum, states: Sequence[State] | None = None) -> MomentumOccupation:
    """Momentum distribution of the carriers in every state of a manifold.

    Parameters
    ----------
    spectrum
        Solved with ``keep_vectors=True``.
    states
        Pairs (row of the sector, level); by default the predicted ground-state manifold.

    Raises
    ------
    InputError
        If the spectrum holds no vectors or not all of the states.
    """
    chosen = check_states(spectrum, states)
    per_state = np.empty((len(chosen), spectrum.grid.n_points))
    for i, state in enumerate(chosen):
        per_state[i] = [block[0, 0].real for block in density_blocks(spectrum, [state], 1)]
    if spectrum.transformed:
        per_state = 1 - per_state
    return MomentumOccupation(spectrum.grid, spectrum.n_carriers, chosen, read_only(per_state))
