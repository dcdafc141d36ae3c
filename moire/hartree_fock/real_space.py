"""Densities and moments of a state in real space, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape, read_only
from moire.continuum import ContinuumModel
from moire.errors import InputError, require
from moire.projection import ProjectedHamiltonian


@dataclass(frozen=True, eq=False)
class RealSpaceMap:
    """Valley-resolved carrier density in one moire cell.

    Parameters
    ----------
    points
        r = (i/n) a_1 + (j/n) a_2 in nm, (n, n, 2).
    density
        <psi^+_{f'l}(r) psi_{fl}(r)> of the carriers in 1/nm^2, (flavour f, flavour f', layer, n, n). The diagonal
        is the density of a valley; K, K' is the in-plane moment m_x - i m_y up to one phase common to the cell.
    """

    points: FloatArray = field(repr=False)
    density: ComplexArray = field(repr=False)

    @property
    def layers(self) -> FloatArray:
        """Density of both valleys in 1/nm^2, (layer, n, n)."""
        return np.asarray(np.einsum("fflxy->lxy", self.density).real)

    @property
    def out_of_plane(self) -> FloatArray:
        """Density of K less that of K' in 1/nm^2, (layer, n, n)."""
        return np.asarray((self.density[0, 0] - self.density[1, 1]).real)

    @property
    def in_plane(self) -> ComplexArray:
        """Twice the intervalley density, in 1/nm^2, (layer, n, n): its modulus is at most `layers`."""
        return np.asarray(2 * self.density[0, 1])


def real_space_map(problem: ProjectedHamiltonian, density_matrix: ComplexArray, n_points: int = 24) -> RealSpaceMap:
    """Map the densities of P(k), of shape (k, orbital, orbital), on an n x n mesh of the moire cell.

    Raises
    ------
    InputError
        If the mesh is empty, P has the wrong shape, or the bands are not those of continuum models.
    """
    require(n_points >= 1, "n_points", "be at least 1", n_points)
    bands = problem.bands
    model = bands.models[0]
    if not isinstance(model, ContinuumModel):
        raise InputError("`problem` must belong to a continuum model, but its bands are those of another Bloch model.")
    n_f, n_k, n_b, n_layers, _ = bands.states.shape
    check_shape("density_matrix", density_matrix, (n_k, n_f * n_b, n_f * n_b))
    fractions = np.stack(np.meshgrid(np.arange(n_points), np.arange(n_points), indexing="ij"), axis=-1) / n_points
    phases = np.exp(2j * np.pi * (fractions.reshape(-1, 2) @ model.basis.vectors.T))  # e^{i G r}, (r, G)
    blocks = density_matrix.reshape(n_k, n_f, n_b, n_f, n_b)
    density = np.zeros((n_f, n_f, n_layers, n_points**2), dtype=np.complex128)
    for k in range(n_k):
        waves = bands.states[:, k] @ phases.T  # (flavour, band, layer, r)
        if problem.carrier == "hole":  # a hole in h^+ = c has the conjugate wave function
            waves = waves.conj()
        density += np.einsum("fmlr,fmgn,gnlr->fglr", waves, blocks[k], waves.conj(), optimize=True)
    density /= n_k * model.lattice.cell_area_nm2
    return RealSpaceMap(
        read_only(fractions @ model.lattice.primitive),
        read_only(density.reshape(n_f, n_f, n_layers, n_points, n_points)),
    )
