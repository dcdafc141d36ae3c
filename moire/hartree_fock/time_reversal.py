"""Time reversal of density matrices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, IntArray, read_only
from moire.bloch import PlaneWaveModel, plane_wave_models
from moire.errors import require
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Folding, index_of
from moire.hartree_fock.rotation import folded_images
from moire.projection import ProjectedHamiltonian


@dataclass(frozen=True, eq=False)
class TimeReversal:
    """T between the orbitals of a cell: P'(r') = D(r) P(r)^* D(r)^+, spin one half (T^2 = -1).

    D_mn(k) = <u_m^f'(-k)| u_n^f(k)^*> between the two flavours is made unitary; its singular values are below one by
    the cutoff error.

    Parameters
    ----------
    problem
        The projected Hamiltonian of two valleys.
    folding
        The enlarged cell and the boost; the moire cell by default.
    target
        Index r' of the reduced momentum that r is mapped to, (r,).
    matrices
        D(r), (r, orbital, orbital).

    Raises
    ------
    InputError
        If there are not two flavours, or -k is not a momentum of the cluster.
    """

    problem: ProjectedHamiltonian
    folding: Folding | None = None
    target: IntArray = field(init=False, repr=False)
    matrices: ComplexArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        orbitals = FoldedOrbitals.of(self.problem, self.folding)
        folding, (n_f, n_a, _) = orbitals.folding, orbitals.blocks
        require(n_f == 2, "problem", "have two flavours for time reversal", found=f"has {n_f}")
        opposite, blocks = _band_reversals(self.problem)
        images = folded_images(folding, np.stack([opposite, opposite]), exchanges_flavours=True)
        target, folds = images[0, :, 0, 0], images[..., 1]
        rows = np.arange(len(target))
        split = orbitals.split(np.zeros(orbitals.shape, dtype=np.complex128))
        for f, a in np.ndindex(n_f, n_a):
            split[rows, 1 - f, folds[f, :, a], :, f, a] = (-1) ** f * blocks[f, folding.index[f, :, a]]
        matrices = orbitals.join(split)
        if self.problem.carrier == "hole":
            matrices = matrices.conj()
        object.__setattr__(self, "target", read_only(target, np.int64))
        object.__setattr__(self, "matrices", read_only(matrices))

    def __call__(self, matrix: ComplexArray) -> ComplexArray:
        """Time-reversed density or Fock matrix, (r, orbital, orbital)."""
        reversed_ = np.empty_like(matrix)
        reversed_[self.target] = self.matrices @ matrix.conj() @ self.matrices.conj().swapaxes(1, 2)
        return reversed_


def _band_reversals(problem: ProjectedHamiltonian) -> tuple[IntArray, ComplexArray]:
    """Index of -k, (k,), and <u^f'(-k)| u^f(k)^*> with the other flavour f', (flavour, k, band, band)."""
    bands, grid = problem.bands, problem.grid
    models = plane_wave_models(bands.models, "problem.bands")
    offset = np.linalg.solve(grid.matrix.astype(float), np.array(grid.boundary_phase))
    true = -(grid.fractional + offset)
    opposite = index_of(grid, true - offset)
    umklapps = np.round(true - offset - grid.fractional[opposite]).astype(np.int64)
    blocks = np.empty((2, grid.n_points, bands.n_bands, bands.n_bands), dtype=np.complex128)
    for f, other in enumerate(models[::-1]):
        source, target = _shared_waves(models[f], other)
        image = np.zeros_like(bands.states[1 - f, 0])
        for k in range(grid.n_points):
            image[..., target] = bands.states[f, k][..., source].conj()
            there = other.sew(image, -umklapps[k])
            left, _, right = np.linalg.svd(np.einsum("mlg,nlg->mn", bands.states[1 - f, opposite[k]].conj(), there))
            blocks[f, k] = left @ right
    return opposite, blocks


def _shared_waves(model: PlaneWaveModel, other: PlaneWaveModel) -> tuple[list[int], list[int]]:
    """Positions of the waves G of a model for which another has -G, in both."""
    places = {(-i, -j): place for place, (i, j) in enumerate(model.basis.vectors.tolist())}
    pairs = [(places[i, j], place) for place, (i, j) in enumerate(other.basis.vectors.tolist()) if (i, j) in places]
    return [source for source, _ in pairs], [target for _, target in pairs]
