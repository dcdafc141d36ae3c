"""The threefold rotation of density matrices, and the mean field restricted to C3-symmetric states."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, IntArray, read_only
from moire.bloch import is_threefold_model
from moire.errors import InputError, require
from moire.grids import MomentumGrid
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Folding, index_of
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.result import SYMMETRIES
from moire.lattice import C3_ROTATION
from moire.projection import ProjectedHamiltonian

OMEGA = np.exp(2j * np.pi / 3)
_SMALLEST_OVERLAP = 0.9


@dataclass(frozen=True, eq=False)
class Rotation:
    """C3 between the orbitals of the unit cell: P'(R k) = D(k) P(k) D(k)^+ with D^3 = 1 exactly.

    D_mn(k) = <u_m(Rk)| C3 u_n(k)> is made unitary; its singular values are below one by the cutoff error.
    Intervalley order may be multiplied by a cube root of one under the rotation, a relative phase of the valleys.

    Parameters
    ----------
    problem
        The projected Hamiltonian.
    valley_label
        j: the second valley gets the additional factor exp(-2 pi i j / 3).
    target
        Index of R k, (k,).
    matrices
        D(k), (k, orbital, orbital).
    smallest_overlap
        Smallest singular value before D was made unitary.

    Raises
    ------
    InputError
        If the cluster or the bands kept do not have the rotation.
    """

    problem: ProjectedHamiltonian
    valley_label: int = 0
    target: IntArray = field(init=False, repr=False)
    matrices: ComplexArray = field(init=False, repr=False)
    smallest_overlap: float = field(init=False)

    def __post_init__(self) -> None:
        bands, grid = self.problem.bands, self.problem.grid
        target, umklapps = rotated_momenta(grid)
        orbitals = FoldedOrbitals.of(self.problem)
        matrices = np.zeros(orbitals.shape, dtype=np.complex128)
        smallest = 1.0
        for f, model in enumerate(bands.models):
            if not is_threefold_model(model):
                raise InputError(
                    "`symmetry` must not be 'c3' for a model without the method `rotated`, but is 'c3' for "
                    f"{model.name}."
                )
            for k in range(grid.n_points):
                image = model.rotated(bands.states[f, k], umklapps[k])
                overlap = np.einsum("mlg,nlg->mn", bands.states[f, target[k]].conj(), image)
                left, singular, right = np.linalg.svd(overlap)
                smallest = min(smallest, float(singular.min()))
                own = orbitals.of_flavour(f)
                matrices[k, own, own] = OMEGA ** (-self.valley_label * f) * (left @ right)
        require(
            smallest > _SMALLEST_OVERLAP,
            "symmetry",
            "turn the bands kept into themselves (keep whole multiplets)",
            found=f"'c3' leaves an overlap of {smallest:.3g}",
        )
        for k in range(grid.n_points):
            second = target[k]
            if second == k:
                matrices[k] = _cube_root_of_one(matrices[k])
            elif k < min(second, target[second]):
                matrices[target[second]] = (matrices[second] @ matrices[k]).conj().T
        if self.problem.carrier == "hole":
            matrices = matrices.conj()
        object.__setattr__(self, "target", read_only(target, np.int64))
        object.__setattr__(self, "matrices", read_only(matrices))
        object.__setattr__(self, "smallest_overlap", smallest)

    def __call__(self, matrix: ComplexArray) -> ComplexArray:
        """Rotate a density or Fock matrix, (k, orbital, orbital)."""
        rotated = np.empty_like(matrix)
        rotated[self.target] = self.matrices @ matrix @ self.matrices.conj().swapaxes(1, 2)
        return rotated

    def project(self, matrix: ComplexArray) -> ComplexArray:
        """Average over the three rotations: the invariant part of a matrix."""
        once = self(matrix)
        return np.asarray((matrix + once + self(once)) / 3)


def rotated_momenta(grid: MomentumGrid) -> tuple[IntArray, IntArray]:
    """Index of R k, (k,), and the integer G with R k = (that momentum) + G, (k, 2).

    Raises
    ------
    InputError
        If the cluster is not threefold symmetric.
    """
    offset = np.linalg.solve(grid.matrix.astype(float), np.array(grid.boundary_phase))
    rotated = (grid.fractional + offset) @ C3_ROTATION
    try:
        target = index_of(grid, rotated - offset)
    except InputError:
        raise InputError(
            f"`symmetry` must be a symmetry of the cluster, but {grid.name} with boundary phase {grid.boundary_phase} "
            "is not threefold symmetric."
        ) from None
    return target, np.round(rotated - offset - grid.fractional[target]).astype(np.int64)


def _cube_root_of_one(matrix: ComplexArray) -> ComplexArray:
    """Nearest unitary matrix whose cube is one."""
    values, vectors = np.linalg.eig(matrix)
    vectors = np.linalg.qr(vectors)[0]
    rounded = OMEGA ** np.round(np.angle(values) * 3 / (2 * np.pi))
    return np.asarray((vectors * rounded) @ vectors.conj().T)


def check_symmetry(symmetry: str, folding: Folding) -> None:
    """Raise InputError unless the symmetry is known and the cluster, the cell and the boost have it."""
    require(symmetry in SYMMETRIES, "symmetry", f"be one of {', '.join(SYMMETRIES)}", repr(symmetry))
    if symmetry == "c3":
        require(folding.is_trivial, "symmetry", "not be 'c3' with a supercell or a boost", "'c3'")
        rotated_momenta(folding.grid)


def rotation_of(problem: ProjectedHamiltonian, start: ComplexArray) -> Rotation:
    """Return the rotation with the valley label that keeps most of the intervalley order of a matrix."""
    plain = Rotation(problem)
    if problem.bands.n_flavours == 1:
        return plain
    n_b = problem.bands.n_bands
    kept = []
    for label in range(3):
        turn = np.repeat(OMEGA ** (-label * np.array([0, 1])), n_b)
        if problem.carrier == "hole":
            turn = turn.conj()
        phases = turn[:, None] * turn.conj()
        once = phases * plain(start)
        twice = phases * plain(once)
        kept.append(float(np.abs(((start + once + twice) / 3)[:, :n_b, n_b:]).sum()))
    label = int(np.argmax(kept))
    return plain if label == 0 else Rotation(problem, label)


@dataclass(frozen=True, eq=False)
class RotatedMeanField(MeanField):
    """A mean field whose Fock matrices are averaged over C3: its energy functional on C3-symmetric states.

    Parameters
    ----------
    rotation
        The rotation.
    """

    rotation: Rotation = field(kw_only=True)

    @classmethod
    def of(cls, mean_field: MeanField, matrix: ComplexArray) -> RotatedMeanField:
        """Restrict a built mean field to the rotation found from a density or Fock matrix."""
        restricted = object.__new__(cls)
        restricted.__dict__.update(mean_field.__dict__)
        object.__setattr__(restricted, "rotation", rotation_of(mean_field.problem, matrix))
        return restricted

    def keeps(self, density_matrix: ComplexArray) -> bool:
        """Whether a density matrix is invariant to 1e-6."""
        return bool(np.abs(self.rotation(density_matrix) - density_matrix).max() < 1e-6)

    def __call__(self, density_matrix: ComplexArray) -> ComplexArray:
        """Invariant part of the Fock matrix in meV."""
        return self.rotation.project(self.one_body + super().interaction(density_matrix))

    def interaction(self, density_matrix: ComplexArray) -> ComplexArray:
        """Invariant part of the Hartree plus Fock self-energy in meV."""
        return self.rotation.project(super().interaction(density_matrix))
