"""Order parameters of a density matrix: valley, layer and intervalley moments."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape, read_only
from moire.hartree_fock.guesses import layer_projectors
from moire.projection import ProjectedHamiltonian


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
        sum_G <c^+_{K,k+G} c_{K',k+G}> per cell by layer, (layer,); zero with one flavour. Its overall
        phase is free, the relative one of the layers is not.
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
        by_flavours = np.einsum("lkfmgn,kgnfm->fgl", layers, blocks, optimize=True) / n_k
        occupations = np.einsum("ffl->fl", by_flavours).real
        if n_flavours == 1:
            return cls(read_only(occupations), read_only(np.zeros(occupations.shape[1], complex)), 0.0)
        n_particles = occupations.sum() * n_k
        coherence = 4 * float(np.sum(np.abs(blocks[:, 0, :, 1, :]) ** 2)) / n_particles if n_particles else 0.0
        return cls(read_only(occupations), read_only(by_flavours[0, 1]), coherence)

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
    def staggered_in_plane(self) -> float:
        """|m_b - m_t| of the in-plane moments, per carrier."""
        return self._per_carrier(abs(self.in_plane[0] - self.in_plane[1]))

    @property
    def uniform_in_plane(self) -> float:
        """|m_b + m_t| of the in-plane moments, per carrier."""
        return self._per_carrier(abs(self.in_plane[0] + self.in_plane[1]))

    @property
    def _two(self) -> bool:
        return len(self.occupations) == 2

    def __str__(self) -> str:
        return (
            f"layer polarisation {self.layer_polarisation:+.4f}, valley polarisation {self.valley_polarisation:+.4f}, "
            f"out-of-plane moments b {self.out_of_plane[0]:+.4f} t {self.out_of_plane[1]:+.4f} per cell, "
            f"in-plane |b| {abs(self.in_plane[0]):.4f} |t| {abs(self.in_plane[1]):.4f} "
            f"(staggered {self.staggered_in_plane:.4f}, uniform {self.uniform_in_plane:.4f} per carrier), "
            f"intervalley coherence {self.coherence:.4f}"
        )
