"""Order parameters of a density matrix: valley, layer and intervalley moments."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape, read_only
from moire.hartree_fock.guesses import layer_projectors
from moire.hartree_fock.real_space import real_space_map
from moire.projection import ProjectedHamiltonian

_MESH = 12  # holds the thirds of the cell, where MX and XM are


@dataclass(frozen=True, eq=False)
class Moments:
    """Carriers per cell by valley and layer, and what they are made of.

    Spin is locked to the valley, so the out-of-plane moment of a layer is its valley polarisation and the
    in-plane one its intervalley order.

    Parameters
    ----------
    occupations
        Carriers per cell, (flavour, layer).
    in_plane
        Integral of the modulus of the in-plane moment over the cell, with the phase of the moment where it is
        largest (MX in b and XM in t); (layer,), 1 for one carrier in an equal superposition of the valleys.
    coherence
        (4/N) sum_k tr P_KK'(k) P_K'K(k): 0 without intervalley order, 1 when N carriers fill states
        (|K> + e^{ia} |K'>)/sqrt2 only; independent of the gauge.
    """

    occupations: FloatArray
    in_plane: ComplexArray = field(repr=False)
    coherence: float

    @classmethod
    def of(cls, problem: ProjectedHamiltonian, density_matrix: ComplexArray) -> Moments:
        """Moments of a density matrix of shape (k, orbital, orbital).

        Raises
        ------
        InputError
            If the shape is wrong.
        """
        n_flavours, n_bands, n_k = problem.bands.n_flavours, problem.bands.n_bands, problem.grid.n_points
        dimension = n_flavours * n_bands
        check_shape("density_matrix", density_matrix, (n_k, dimension, dimension))
        layers = layer_projectors(problem).reshape(-1, n_k, n_flavours, n_bands, n_flavours, n_bands)
        blocks = density_matrix.reshape(n_k, n_flavours, n_bands, n_flavours, n_bands)
        occupations = np.einsum("lkfmfn,kfnfm->fl", layers, blocks, optimize=True).real / n_k
        in_plane, coherence = np.zeros(layers.shape[0], dtype=np.complex128), 0.0
        squares = float(np.sum(np.abs(blocks[:, 0, :, -1, :]) ** 2)) if n_flavours == 2 else 0.0
        if squares:
            coherence = 4 * squares / (float(occupations.sum()) * n_k)
            moments = real_space_map(problem, density_matrix, _MESH).in_plane.reshape(len(in_plane), -1)
            largest = np.take_along_axis(moments, np.abs(moments).argmax(axis=1)[:, None], axis=1)[:, 0]
            cell_element = problem.grid.lattice.cell_area_nm2 / _MESH**2
            in_plane = np.abs(moments).sum(axis=1) * cell_element * np.exp(1j * np.angle(largest))
        return cls(read_only(occupations), read_only(in_plane), coherence)

    @property
    def filling(self) -> float:
        """Carriers per cell."""
        return float(self.occupations.sum())

    def _per_carrier(self, number: float) -> float:
        return float(number) / self.filling if self.filling else 0.0

    @property
    def layer_polarisation(self) -> float:
        """(carriers in b - carriers in t) / carriers."""
        return self._per_carrier(self.occupations[:, 0].sum() - self.occupations[:, 1].sum())

    @property
    def valley_polarisation(self) -> float:
        """(carriers in K - carriers in K') / carriers; 0 with one flavour."""
        return self._per_carrier(self.occupations[0].sum() - self.occupations[1].sum()) if self._two else 0.0

    @property
    def out_of_plane(self) -> FloatArray:
        """Carriers in K less those in K', per cell and layer, (layer,)."""
        return self.occupations[0] - self.occupations[1] if self._two else np.zeros(self.occupations.shape[1])

    @property
    def staggered_out_of_plane(self) -> float:
        """Out-of-plane moment of b less that of t, per carrier: +-1 when each layer has its own valley."""
        return self._per_carrier(self.out_of_plane[0] - self.out_of_plane[1])

    @property
    def staggering(self) -> float:
        """Relative angle as cos 3 (phi_b - phi_t): -1 if they are opposite, +1 if parallel, 0 without.

        Plane waves of the layers are counted from kappa_+ and kappa_-, so that the angle between moments of the
        two layers is defined up to 120 degrees only; three times it is free of that choice.
        """
        b, t = self.in_plane
        return float(np.cos(3 * np.angle(b * np.conj(t)))) if abs(b * t) > 1e-12 else 0.0

    @property
    def _two(self) -> bool:
        return len(self.occupations) == 2

    def __str__(self) -> str:
        return (
            f"layer polarisation {self.layer_polarisation:+.4f}, valley polarisation {self.valley_polarisation:+.4f}, "
            f"out-of-plane moments b {self.out_of_plane[0]:+.4f} t {self.out_of_plane[1]:+.4f} per cell, "
            f"in-plane moments |b| {abs(self.in_plane[0]):.4f} |t| {abs(self.in_plane[1]):.4f} per cell "
            f"(cos 3 angle {self.staggering:+.3f}), intervalley coherence {self.coherence:.4f}"
        )
