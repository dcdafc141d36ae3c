"""The two-layer continuum model of one valley, assembled from a table of harmonics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.continuum.assembly import Elements, dropped_elements, kept_elements, monomial
from moire.continuum.basis import PlaneWaveBasis
from moire.continuum.harmonics import Harmonic, HarmonicTable
from moire.continuum.terms import displacement, harmonic_table
from moire.errors import require
from moire.lattice import C3_ROTATION, MoireLattice
from moire.parameters import LARGEST_FIELD_MEV, ContinuumParameters
from moire.resources import reserve, would_fit_times

_CONSTANT = (0, 0)
_CORNERS_TIMES_THREE = np.array([[2, -1], [1, 1]])  # kappa_+, kappa_-
_SUM_OF_CORNERS = np.array([1, 0])  # kappa_+ + kappa_- = G_1


@checked
@dataclass(frozen=True, eq=False)
class ContinuumModel(Shown):
    """Two-layer continuum model of one valley in the electron (valence) picture.

    H_K = [[-hbar^2 (k - kappa_+)^2 / 2m* + Delta_b + D/2, Delta_T],
           [Delta_T^+, -hbar^2 (k - kappa_-)^2 / 2m* + Delta_t - D/2]]   and   H_K'(k) = H_K(-k)^*.

    The state layout is (layer, G) with layers (b, t); D > 0 raises electrons on b, so holes go to b.

    Parameters
    ----------
    parameters
        Material parameters, or any table of harmonics of valley K (:class:`moire.continuum.HarmonicTable`).
    basis
        Plane waves, on the lattice of the twist angle.
    valley
        +1 for K, -1 for K'.
    displacement_mev
        Displacement field D in meV: the energy difference of the layers.

    References
    ----------
    arXiv:2308.07488, Eq. (1); second harmonics as in arXiv:2403.17003.
    """

    parameters: ContinuumParameters | HarmonicTable
    basis: PlaneWaveBasis
    valley: int = +1
    displacement_mev: float = 0.0

    def __post_init__(self) -> None:
        require(self.valley in (+1, -1), "valley", "be +1 (K) or -1 (K')", self.valley)
        require(np.isfinite(self.displacement_mev), "displacement_mev", "be finite", self.displacement_mev)
        sensible = abs(self.displacement_mev) <= LARGEST_FIELD_MEV
        require(sensible, "displacement_mev", f"be at most {LARGEST_FIELD_MEV:g} meV in size", self.displacement_mev)
        object.__setattr__(self, "displacement_mev", float(self.displacement_mev))

    @property
    def lattice(self) -> MoireLattice:
        """The moire lattice."""
        return self.basis.lattice

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (layer, G) of one state."""
        return 2, self.basis.size

    @property
    def top_band_first(self) -> bool:
        """True: band 0 is the top valence band."""
        return True

    @property
    def name(self) -> str:
        """Name of the model in one line."""
        valley = "K" if self.valley > 0 else "K'"
        return (
            f"{self.parameters.name}, theta = {self.lattice.twist_deg:g} deg, D = {self.displacement_mev:g} meV, "
            f"valley {valley}, {self.basis.plane_wave_shells:g} shells"
        )

    @cached_property
    def harmonics(self) -> tuple[Harmonic, ...]:
        """All rows of H in this valley, including those of the displacement field."""
        p = self.parameters
        table = p if isinstance(p, HarmonicTable) else harmonic_table(p)
        rows = HarmonicTable(table.name, (*table.rows, *displacement(self.displacement_mev))).rows
        return rows if self.valley > 0 else tuple(row.time_reversed for row in rows)

    @cached_property
    def _elements(self) -> tuple[Elements, ...]:
        return kept_elements(self.harmonics, self.basis)

    @cached_property
    def _momentum_elements(self) -> tuple[Elements, ...]:
        return tuple(part for part in self._elements if part.powers != _CONSTANT)

    @cached_property
    def potential(self) -> ComplexArray:
        """The part of H that does not depend on k, in meV, shape (2 G, 2 G).

        Raises
        ------
        MemoryRefusedError
            If it does not fit in memory.
        """
        dimension = 2 * self.basis.size
        needed = 32.0 * dimension**2  # the matrix and its read-only copy
        reserve(
            f"The matrix of dimension {dimension} of {self.name}",
            needed,
            f"{int(self.basis.plane_wave_shells * would_fit_times(needed) ** 0.25)} plane_wave_shells would fit",
        )
        matrix = np.zeros((dimension, dimension), dtype=complex)
        for part in self._elements:
            if part.powers == _CONSTANT:
                matrix[part.rows, part.columns] += part.amplitudes
        return read_only(matrix)

    @cached_property
    def _centres(self) -> FloatArray:
        """Corners from which the waves of the layers are measured, in 1/nm, (layer, 2)."""
        corners = self.lattice.corners
        return np.asarray(self.valley * np.stack([corners["kappa_+"], corners["kappa_-"]]))

    def _momenta(self, k: FloatArray) -> FloatArray:
        """Momenta k + G - tau kappa_layer in 1/nm of all waves, (..., 2 G, 2), layer slow."""
        waves = np.asarray(k)[..., None, :] + self.basis.cartesian
        return np.concatenate([waves - centre for centre in self._centres], axis=-2)

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """H(k) in meV at one momentum in 1/nm, shape (2 G, 2 G)."""
        matrix, momenta = self.potential.copy(), self._momenta(k)
        for part in self._momentum_elements:
            matrix[part.rows, part.columns] += part.values(momenta, momenta)
        return matrix

    def velocity(self, k: FloatArray) -> ComplexArray:
        """dH/dk in meV nm, shape (2, 2 G, 2 G)."""
        momenta = self._momenta(k)
        matrices = np.zeros((2, len(momenta), len(momenta)), dtype=complex)
        for part in self._momentum_elements:
            matrices[:, part.rows, part.columns] += part.slopes(momenta)
        return matrices

    def time_reversed(self) -> ContinuumModel:
        """Model of the other valley at the same displacement field."""
        return replace(self, valley=-self.valley)

    def sew(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """States (..., layer, G) at k + G' from those at k: u(k+G') = shift(u(k))."""
        return self.basis.shifted(states, reciprocal)

    def rotated(self, states: ComplexArray, umklapp: IntArray) -> ComplexArray:
        """States (..., layer, G) at k' from those at k, R k = k' + umklapp in units of b_1, b_2.

        Rotation by 120 degrees about r = 0 maps the wave p of layer l to R p + tau (kappa_l - R kappa_l), without a
        phase. Waves that leave the disk are dropped.
        """
        corners = self.valley * _CORNERS_TIMES_THREE
        shifts = (corners - corners @ C3_ROTATION) // 3
        images = self.basis.vectors @ C3_ROTATION + np.asarray(umklapp) + shifts[:, None]
        return self._permuted(states, self.basis.positions(images), (0, 1))

    def inverted(self, states: ComplexArray, umklapp: IntArray) -> ComplexArray:
        """States (..., layer, G) at k' from those at k, -k = k' + umklapp in units of b_1, b_2.

        The wave p of a layer maps to -p + tau (kappa_+ + kappa_-) of the other. Waves that leave the disk are dropped.
        """
        images = -self.basis.vectors + np.asarray(umklapp) + self.valley * _SUM_OF_CORNERS
        target = self.basis.positions(images)
        return self._permuted(states, np.stack([target, target]), (1, 0))

    @staticmethod
    def _permuted(states: ComplexArray, targets: IntArray, layers: tuple[int, int]) -> ComplexArray:
        """Map each wave of layer l to its target, (layer, G) with -1 for none, of layer ``layers[l]``."""
        out = np.zeros_like(states)
        for layer, (target, other) in enumerate(zip(targets, layers, strict=True)):
            out[..., other, target[target >= 0]] = states[..., layer, target >= 0]
        return out

    def at_cutoff(self, plane_wave_shells: float) -> ContinuumModel:
        """Model with another cutoff, in units of |G_1|."""
        return replace(self, basis=PlaneWaveBasis(self.lattice, plane_wave_shells))

    @cached_property
    def _dropped(self) -> tuple[IntArray, IntArray, tuple[Elements, ...]]:
        return dropped_elements(self.harmonics, self.basis)

    @cached_property
    def dropped_waves(self) -> tuple[IntArray, IntArray, sparse.csr_array]:
        """Waves beyond the cutoff that H couples to the basis: their layer (p,), G (p, 2), and the coupling in meV.

        The coupling <dropped p| H |layer, G> has shape (p, 2 G); it omits the part that depends on k.
        """
        layers, vectors, elements = self._dropped
        coupling = sparse.csr_array((len(layers), 2 * self.basis.size), dtype=complex)
        for part in elements:
            if part.powers == _CONSTANT:
                coupling += sparse.csr_array((part.amplitudes, (part.rows, part.columns)), shape=coupling.shape)
        return layers, vectors, coupling

    def _dropped_momenta(self, k: FloatArray) -> FloatArray:
        layers, vectors, _ = self._dropped
        return np.asarray(np.asarray(k)[..., None, :] + vectors @ self.lattice.reciprocal - self._centres[layers])

    def dropped_energies(self, k: FloatArray) -> FloatArray:
        """Diagonal of H in meV on :attr:`dropped_waves` at momenta (..., 2) in 1/nm, (..., p)."""
        layers, momenta = self._dropped[0], self._dropped_momenta(k)
        energies = np.zeros(momenta.shape[:-1])
        for row in self.harmonics:
            if row.is_diagonal:
                on_layer = layers == row.to
                energies[..., on_layer] += (row.amplitude_mev * monomial(momenta[..., on_layer, :], row.powers)).real
        return energies

    def dropped_amplitudes(self, k: FloatArray, states: ComplexArray) -> ComplexArray:
        """<p| H(k) |u> in meV of states (k, band, layer, G) at momenta (k, 2) in 1/nm, (k, band, p)."""
        coupling = self.dropped_waves[2]
        flat = states.reshape(-1, coupling.shape[1])
        amplitudes: ComplexArray = (coupling @ flat.T).T.reshape(*states.shape[:2], -1)
        for part in self._dropped[2]:
            if part.powers != _CONSTANT:
                values = part.values(self._dropped_momenta(k), self._momenta(k))
                for i, at_k in enumerate(values):
                    matrix = sparse.csr_array((at_k, (part.rows, part.columns)), shape=coupling.shape)
                    amplitudes[i] += (matrix @ states[i].reshape(-1, coupling.shape[1]).T).T
        return amplitudes
