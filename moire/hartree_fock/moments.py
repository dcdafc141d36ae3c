"""Order parameters of a density matrix: valley, layer and intervalley moments."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.hartree_fock.density_waves import layer_projectors
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.real_space import real_space_map
from moire.projection import ProjectedHamiltonian

VALLEY_DIAGONAL = 1e-4  # |P_KK'| below which the valleys count as unmixed; the error of energies is its square
_MESH = 12  # holds the thirds of the moire cell, where MX and XM are; times the number of folds in an enlarged one


@checked
@dataclass(frozen=True, eq=False)
class Moments(Shown):
    """Carriers per cell by valley and layer, and order parameters.

    Spin is locked to the valley, so the out-of-plane moment of a layer is its valley polarisation and the
    in-plane one its intervalley order.

    Parameters
    ----------
    occupations
        Carriers per cell, (flavour, layer).
    in_plane
        Integral of the modulus of the in-plane moment, per moire cell, with the phase of the moment where it is
        largest (MX in b and XM in t); (layer,), 1 for one carrier in an equal superposition of the valleys.
    coherences
        (4/N) sum tr P_KK'(k, k+s+R_d) P_K'K per wave vector of the enlarged cell, (d,), s the boost: their sum is 0
        without intervalley order, 1 when N carriers fill states (|K> + e^{ia} |K'>)/sqrt2 only; gauge independent.
    modulations
        (1/N) sum_f sum tr P_ff(k, k+R_d) P_ff(k+R_d, k) per wave vector, (d,): the first entry belongs to R = 0, the
        others are zero if the moire translations are not broken within the valleys.
    charge_modulation
        Integral over the enlarged cell of |n(r) - its average over the moire cells|, per carrier: at most 2.
    """

    occupations: FloatArray
    in_plane: ComplexArray = field(repr=False)
    coherences: FloatArray = field(repr=False)
    modulations: FloatArray = field(repr=False)
    charge_modulation: float = field(repr=False)

    @classmethod
    def of(cls, problem: ProjectedHamiltonian, density_matrix: ComplexArray, folding: Folding | None = None) -> Moments:
        """Moments of a density matrix of shape (r, orbital, orbital), in the unit cell by default.

        Raises
        ------
        InputError
            If the shape is wrong.
        """
        orbitals = FoldedOrbitals.of(problem, folding)
        check_shape("density_matrix", density_matrix, orbitals.shape)
        n_f, n_a, n_b = orbitals.blocks
        folding, n_cells = orbitals.folding, problem.grid.n_points
        layers = layer_projectors(problem, folding).reshape(-1, orbitals.shape[0], n_f, n_a * n_b, n_f, n_a * n_b)
        blocks = density_matrix.reshape(layers.shape[1:])
        occupations = np.einsum("lkfmfn,kfnfm->fl", layers, blocks, optimize=True).real / n_cells
        n_carriers = float(np.einsum("kii->", density_matrix).real)
        weights = _weights_by_wave_vector(orbitals, density_matrix) / max(n_carriers, 1e-300)
        coherences = 4 * weights[0, 1] if n_f == 2 else np.zeros(n_a)
        modulations = np.einsum("ffd->d", weights)
        in_plane, charge_modulation = np.zeros(layers.shape[0], dtype=np.complex128), 0.0
        if coherences.any() or n_a > 1:
            real_space = real_space_map(problem, density_matrix, _MESH * n_a, folding)
            element = problem.grid.lattice.cell_area_nm2 / (_MESH * n_a) ** 2  # per moire cell
            if coherences.any():
                moments = real_space.in_plane.reshape(len(in_plane), -1)
                largest = np.take_along_axis(moments, np.abs(moments).argmax(axis=1)[:, None], axis=1)[:, 0]
                in_plane = np.abs(moments).sum(axis=1) * element * np.exp(1j * np.angle(largest))
            if n_a > 1:
                charge_modulation = _spread(real_space.layers, folding) * element * n_cells / max(n_carriers, 1e-300)
        return cls(
            read_only(occupations),
            read_only(in_plane),
            read_only(coherences),
            read_only(modulations),
            charge_modulation,
        )

    @property
    def coherence(self) -> float:
        """Intervalley order at all wave vectors, between 0 and 1."""
        return float(self.coherences.sum())

    @property
    def broken_translation(self) -> float:
        """Order within the valleys at wave vectors of the enlarged cell, between 0 and 1."""
        return float(self.modulations[1:].sum())

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
        """Carriers in K minus those in K', per cell and layer, (layer,)."""
        return self.occupations[0] - self.occupations[1] if self._two else np.zeros(self.occupations.shape[1])

    @property
    def staggered_out_of_plane(self) -> float:
        """Out-of-plane moment of b minus that of t, per carrier: +-1 when each layer has its own valley."""
        return self._per_carrier(self.out_of_plane[0] - self.out_of_plane[1])

    @property
    def staggering(self) -> float:
        """Relative angle as cos 3 (phi_b - phi_t): -1 if the moments are opposite, +1 if parallel, 0 if there are none.

        Plane waves of the layers are centred on kappa_+ and kappa_-, so that the angle between moments of the
        two layers is defined up to 120 degrees only; three times the angle does not depend on that choice.
        """
        b, t = self.in_plane
        return float(np.cos(3 * np.angle(b * np.conj(t)))) if abs(b * t) > 1e-12 else 0.0

    @property
    def _two(self) -> bool:
        return len(self.occupations) == 2

    def __str__(self) -> str:
        return (
            f"layer polarisation {Number(self.layer_polarisation):+.4f}, valley polarisation "
            f"{Number(self.valley_polarisation):+.4f}, "
            f"out-of-plane moments b {Number(self.out_of_plane[0]):+.4f} t "
            f"{Number(self.out_of_plane[1]):+.4f} per cell, "
            f"in-plane moments |b| {Number(abs(self.in_plane[0])):.4f} |t| "
            f"{Number(abs(self.in_plane[1])):.4f} per cell "
            f"(cos 3 angle {Number(self.staggering):+.3f}), intervalley coherence {Number(self.coherence):.4f}"
            + (
                f", broken translation {Number(self.broken_translation):.4f} (charge "
                f"{Number(self.charge_modulation):.4f})"
                if len(self.modulations) > 1
                else ""
            )
        )


def _weights_by_wave_vector(orbitals: FoldedOrbitals, density_matrix: ComplexArray) -> FloatArray:
    """Sum of |P_fg(k, k + s_g - s_f + R_d)|^2, (flavour, flavour, d)."""
    n_f, n_a, _ = orbitals.blocks
    squares = np.einsum("rfamgbn->fgab", np.abs(orbitals.split(density_matrix)) ** 2)
    weights = np.zeros((n_f, n_f, n_a))
    for a in range(n_a):
        for d in range(n_a):
            weights[:, :, d] += squares[:, :, a, orbitals.folding.sums[a, d]]
    return weights


def _spread(layers: FloatArray, folding: Folding) -> float:
    """Sum over the mesh of |n - average of n over the moire translations of the enlarged cell|, both layers."""
    n = layers.shape[-1]
    inverse = folding.reduced_grid.lattice.reciprocal.T / (2 * np.pi)
    shifts = set()
    for i in range(folding.n_folds):
        for j in range(folding.n_folds):
            steps = np.round(np.array([i, j]) @ folding.grid.lattice.primitive @ inverse * n).astype(int) % n
            shifts.add((int(steps[0]), int(steps[1])))
    average = sum(np.roll(layers, shift, axis=(1, 2)) for shift in sorted(shifts)) / len(shifts)
    return float(np.abs(layers - average).sum())
