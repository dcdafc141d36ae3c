"""Densities and moments of a state in real space, layer by layer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bloch import plane_wave_models
from moire.errors import require
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Folding
from moire.projection import ProjectedHamiltonian


@checked
@dataclass(frozen=True, eq=False)
class RealSpaceMap(Shown):
    """Valley-resolved carrier density in one cell: the moire cell, or an enlarged one.

    Parameters
    ----------
    points
        r = (i/n) A_1 + (j/n) A_2 in nm, (n, n, 2).
    density
        <psi^+_{f'l}(r) psi_{fl}(r)> of the carriers in 1/nm^2, (flavour f, flavour f', layer, n, n). The diagonal
        is the density of a valley; K, K' is the in-plane moment m_x - i m_y up to one phase common to the cell. A
        boost s rotates it by exp(+-i s.r).
    """

    points: FloatArray = field(repr=False)
    density: ComplexArray = field(repr=False)

    @property
    def layers(self) -> FloatArray:
        """Density of both valleys in 1/nm^2, (layer, n, n)."""
        return np.asarray(np.einsum("fflxy->lxy", self.density).real)

    @property
    def out_of_plane(self) -> FloatArray:
        """Density of K minus that of K' in 1/nm^2, (layer, n, n)."""
        return np.asarray((self.density[0, 0] - self.density[1, 1]).real)

    @property
    def in_plane(self) -> ComplexArray:
        """Twice the intervalley density, in 1/nm^2, (layer, n, n): its modulus is at most `layers`."""
        return np.asarray(2 * self.density[0, 1])


@checked
def real_space_map(
    problem: ProjectedHamiltonian, density_matrix: ComplexArray, n_points: int = 24, folding: Folding | None = None
) -> RealSpaceMap:
    """Map the densities of P, of shape (r, orbital, orbital), on an n x n mesh of the cell.

    Parameters
    ----------
    problem, density_matrix
        The state.
    n_points
        n.
    folding
        The enlarged cell and boost that P belongs to; the moire cell by default.

    Raises
    ------
    InputError
        If the mesh is empty, or P has the wrong shape.
    """
    require(n_points >= 1, "n_points", "be at least 1", n_points)
    bands = problem.bands
    model = plane_wave_models(bands.models, "problem.bands")[0]
    orbitals = FoldedOrbitals.of(problem, folding)
    check_shape("density_matrix", density_matrix, orbitals.shape)
    (n_f, n_a, n_b), folding = orbitals.blocks, orbitals.folding
    n_r, n_layers = orbitals.shape[0], bands.states.shape[3]
    fractions = np.stack(np.meshgrid(np.arange(n_points), np.arange(n_points), indexing="ij"), axis=-1) / n_points
    points = fractions @ folding.reduced_grid.lattice.primitive
    flat = points.reshape(-1, 2)
    phases = np.exp(1j * flat @ model.basis.cartesian.T)  # e^{i G r}, (r, G)
    # fold (f, r, a) is the momentum k = (one of the grid) + G of the state; e^{i k_r r} is common to all
    fractional = problem.grid.fractional[folding.index]
    waves_of_fold = (fractional - fractional[:1, :, :1]) @ problem.grid.lattice.reciprocal
    density = np.zeros((n_f, n_f, n_layers, n_points**2), dtype=np.complex128)
    blocks = density_matrix.reshape(n_r, n_f, n_a * n_b, n_f, n_a * n_b)
    if problem.basis == "plane waves" and folding.is_trivial:  # the same waves at every momentum
        n_r, blocks = 1, blocks.sum(axis=0, keepdims=True)
    for r in range(n_r):
        states = np.stack([bands.states[f, folding.index[f, r]] for f in range(n_f)])  # (flavour, fold, band, layer, G)
        envelope = np.exp(1j * waves_of_fold[:, r] @ flat.T)
        waves = ((states @ phases.T) * envelope[:, :, None, None]).reshape(n_f, n_a * n_b, n_layers, -1)
        if problem.carrier == "hole":  # a hole in h^+ = c has the conjugate wave function
            waves = waves.conj()
        for g, layer in itertools.product(range(n_f), range(n_layers)):
            images = blocks[r, :, :, g] @ waves[g, :, layer].conj()  # (flavour, orbital, point)
            density[:, g, layer] += (waves[:, :, layer] * images).sum(axis=1)
    density /= problem.grid.n_points * problem.grid.lattice.cell_area_nm2
    return RealSpaceMap(read_only(points), read_only(density.reshape(n_f, n_f, n_layers, n_points, n_points)))
