"""The density matrix of the carriers in the bands: n(k) by band and valley, natural orbitals, weights of the bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.exact_diagonalization import Spectrum
from moire.grids import MomentumGrid
from moire.observables.manifold_states import State, check_states
from moire.observables.two_body import one_body_density


@checked
@dataclass(frozen=True, eq=False)
class MomentumOccupation(Shown):
    """<c^+_nk c_mk> of the carriers, converted from <d^+ d> of the missing carriers if these were diagonalized.

    Parameters
    ----------
    grid
        The cluster.
    n_carriers
        Number of carriers.
    states
        (row of the sector, level) of the states.
    density
        <c^+_nk c_mk> of each state, (state, flavour, k, m, n), Hermitian with eigenvalues in [0, 1]; its trace is
        `n_carriers`.
    """

    grid: MomentumGrid
    n_carriers: int
    states: tuple[State, ...]
    density: ComplexArray = field(repr=False)

    @property
    def per_state(self) -> FloatArray:
        """n(k) of each state, summed over flavours and bands, (state, k)."""
        per_state: FloatArray = np.einsum("sfkmm->sfkm", self.density).real.sum(axis=(1, 3))
        return per_state

    @property
    def mean(self) -> FloatArray:
        """n(k) averaged over the states, (k,)."""
        mean: FloatArray = self.per_state.mean(axis=0)
        return mean

    @property
    def by_band(self) -> FloatArray:
        """Occupation of each orbital averaged over the states, (flavour, k, band), each in [0, 1]."""
        occupations: FloatArray = np.einsum("fkmm->fkm", self.density.mean(axis=0)).real
        return occupations

    @property
    def natural_occupations(self) -> FloatArray:
        """Eigenvalues of the averaged density matrix at every momentum, descending, (flavour, k, natural orbital)."""
        occupations: FloatArray = np.linalg.eigvalsh(self.density.mean(axis=0))[..., ::-1]
        return occupations

    @property
    def natural_orbitals(self) -> ComplexArray:
        """Their eigenvectors in the bands, (flavour, k, band, natural orbital)."""
        orbitals: ComplexArray = np.linalg.eigh(self.density.mean(axis=0))[1][..., ::-1]
        return orbitals

    @property
    def band_weights(self) -> FloatArray:
        """Share of the carriers in each band of each flavour, (flavour, band); it sums to one."""
        weights: FloatArray = self.by_band.sum(axis=1) / self.n_carriers
        return weights

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
        """Spread in units of that of a Fermi sea with a single partly filled level, sqrt(f (1 - f)), f = nu modulo 1.

        NaN at integer filling.
        """
        part = self.filling if self.n_carriers < self.grid.n_points else self.filling % 1.0
        fermi_sea = np.sqrt(part * (1 - part))
        return self.spread / float(fermi_sea) if fermi_sea > 0 else float("nan")

    @property
    def sum_rule_error(self) -> float:
        """Largest |sum_k n(k) - N| of a state."""
        return float(np.abs(self.per_state.sum(axis=1) - self.n_carriers).max())

    @property
    def _is_one_band(self) -> bool:
        _, n_flavours, _, n_bands, _ = self.density.shape
        return bool(n_flavours == n_bands == 1)

    def weights_table(self) -> str:
        """Share of the carriers and range of n(k) for every band of every flavour."""
        lines = [f"{'flavour':>8} {'band':>5} {'weight':>9} {'smallest':>9} {'largest':>9}"]
        for (flavour, band), weight in np.ndenumerate(self.band_weights):
            values = self.by_band[flavour, :, band]
            lines.append(
                f"{flavour:>8} {band:>5} {Number(weight):9.5f} {Number(values.min()):9.5f} {Number(values.max()):9.5f}"
            )
        largest = self.natural_occupations[..., 0]
        lines.append(
            f"largest natural occupation of each flavour and momentum from {Number(largest.min()):.5f} to "
            f"{Number(largest.max()):.5f}"
        )
        return "\n".join(lines)

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
                *([] if self._is_one_band else [self.weights_table()]),
                f"mean {Number(self.filling):.5f}, from {Number(self.mean.min()):.5f} to "
                f"{Number(self.mean.max()):.5f}, "
                f"spread {Number(self.spread):.5f} ({sea}), "
                f"sum rule to {self.sum_rule_error:.1e}",
            ]
        )


@checked
def momentum_occupation(spectrum: Spectrum, states: Sequence[State] | None = None) -> MomentumOccupation:
    """Density matrix of the carriers in the bands at each momentum, in every state of a manifold.

    Parameters
    ----------
    spectrum
        Solved with ``keep_vectors=True``.
    states
        Pairs (row of the sector, level); by default the predicted ground-state manifold.

    Raises
    ------
    InputError
        If the spectrum has no vectors or lacks some of the states.
    """
    chosen = check_states(spectrum, states)
    density = np.stack([one_body_density(spectrum, [state]) for state in chosen])
    return MomentumOccupation(spectrum.grid, spectrum.n_carriers, chosen, read_only(density))
