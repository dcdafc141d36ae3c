"""The threefold rotation of density matrices, and the mean field restricted to C3-symmetric states."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, IntArray, read_only
from moire._types import checked
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
    """C3 between the orbitals of a cell: P'(R r) = D(r) P(r) D(r)^+ with D^3 = 1 exactly.

    D_mn(k) = <u_m(Rk)| C3 u_n(k)> is made unitary; its singular values are below one by the cutoff error. A fold goes
    to that of R k. Intervalley order may be multiplied by a cube root of one under the rotation, a relative phase of
    the valleys, and in an enlarged cell the centre may be any moire translation of r = 0.

    Parameters
    ----------
    problem
        The projected Hamiltonian.
    valley_label
        j: the second valley gets the additional factor exp(-2 pi i j / 3).
    folding
        The enlarged cell and the boost; the moire cell by default.
    translation
        t in units of a_1, a_2: the rotation is followed by the translation t, so that its centre is another site of
        the enlarged cell.
    target
        Index of R r, (r,).
    matrices
        D(r), (r, orbital, orbital).
    smallest_overlap
        Smallest singular value before D was made unitary.

    Raises
    ------
    InputError
        If the cluster, the cell, the boost or the bands kept do not have the rotation.
    """

    problem: ProjectedHamiltonian
    valley_label: int = 0
    folding: Folding | None = None
    translation: tuple[int, int] = (0, 0)
    target: IntArray = field(init=False, repr=False)
    matrices: ComplexArray = field(init=False, repr=False)
    smallest_overlap: float = field(init=False)

    def __post_init__(self) -> None:
        orbitals = FoldedOrbitals.of(self.problem, self.folding)
        target, folds = rotated_folds(orbitals.folding)
        blocks, smallest = _band_rotations(self.problem)
        momenta, rows = orbitals.folding.index, np.arange(len(target))
        split = orbitals.split(np.zeros(orbitals.shape, dtype=np.complex128))
        for f, a in np.ndindex(*orbitals.blocks[:2]):
            split[rows, f, folds[f, :, a], :, f, a] = blocks[f, momenta[f, :, a]]
        matrices = _phases(orbitals, self.valley_label, self.translation)[:, None] * orbitals.join(split)
        if self.problem.carrier == "hole":
            matrices = matrices.conj()
        object.__setattr__(self, "target", read_only(target, np.int64))
        object.__setattr__(self, "matrices", read_only(matrices))
        object.__setattr__(self, "smallest_overlap", smallest)

    def __call__(self, matrix: ComplexArray) -> ComplexArray:
        """Rotate a density or Fock matrix, (r, orbital, orbital)."""
        rotated = np.empty_like(matrix)
        rotated[self.target] = self.matrices @ matrix @ self.matrices.conj().swapaxes(1, 2)
        return rotated

    def project(self, matrix: ComplexArray) -> ComplexArray:
        """Average over the three rotations: the invariant part of a matrix."""
        once = self(matrix)
        return np.asarray((matrix + once + self(once)) / 3)


def _band_rotations(problem: ProjectedHamiltonian) -> tuple[ComplexArray, float]:
    """D(k) of each flavour, of order three, (flavour, k, band, band), and the smallest overlap before rounding."""
    bands, grid = problem.bands, problem.grid
    target, umklapps = rotated_momenta(grid)
    blocks = np.empty((bands.n_flavours, grid.n_points, bands.n_bands, bands.n_bands), dtype=np.complex128)
    smallest = 1.0
    for f, model in enumerate(bands.models):
        if not is_threefold_model(model):
            raise InputError(
                f"`symmetry` must not be 'c3' for a model without the method `rotated`, but is 'c3' for {model.name}."
            )
        for k in range(grid.n_points):
            image = model.rotated(bands.states[f, k], umklapps[k])
            overlap = np.einsum("mlg,nlg->mn", bands.states[f, target[k]].conj(), image)
            left, singular, right = np.linalg.svd(overlap)
            smallest = min(smallest, float(singular.min()))
            blocks[f, k] = left @ right
    require(
        smallest > _SMALLEST_OVERLAP,
        "symmetry",
        "turn the bands kept into themselves (keep whole multiplets)",
        found=f"'c3' leaves an overlap of {smallest:.3g}",
    )
    for own in blocks:
        for k in range(grid.n_points):
            second = target[k]
            if second == k:
                own[k] = _cube_root_of_one(own[k])
            elif k < min(second, target[second]):
                own[target[second]] = (own[second] @ own[k]).conj().T
    return blocks, smallest


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


def rotated_folds(folding: Folding) -> tuple[IntArray, IntArray]:
    """Index of R r, (r,), and the fold there of each rotated fold, (flavour, r, a).

    Raises
    ------
    InputError
        If the cluster, the enlarged cell or the boost is not threefold symmetric.
    """
    target, _ = rotated_momenta(folding.grid)
    images = folded_images(folding, np.broadcast_to(target, (folding.n_flavours, len(target))))
    kept = bool((images[..., 0] == images[:1, :, :1, 0]).all())
    cell, boost = folding.describe().values()
    found = f"'c3' is none of {cell} with boost {boost}"
    require(kept, "symmetry", "be a symmetry of the enlarged cell and of the boost", found=found)
    return images[0, :, 0, 0], images[..., 1]


def folded_images(folding: Folding, image: IntArray, exchanges_flavours: bool = False) -> IntArray:
    """Index r and fold of the image of every fold, (flavour, r, a, 2), from the image of every momentum, (flavour, k).

    The image lies in the same flavour, or in the other one.
    """
    n_f, n_r, n_a = folding.index.shape
    places = np.empty((n_f, folding.grid.n_points, 2), dtype=np.int64)
    for f in range(n_f):
        places[f, folding.index[f].ravel()] = np.stack(np.divmod(np.arange(n_r * n_a), n_a), axis=1)
    flavours = range(n_f)[::-1] if exchanges_flavours else range(n_f)
    return np.stack([places[g, image[f][folding.index[f]]] for f, g in enumerate(flavours)])


@checked
def check_symmetry(symmetry: str, folding: Folding) -> None:
    """Raise InputError unless the symmetry is known and the cluster, the cell and the boost have it."""
    require(symmetry in SYMMETRIES, "symmetry", f"be one of {', '.join(SYMMETRIES)}", repr(symmetry))
    if symmetry == "c3":
        rotated_folds(folding)


def rotation_of(mean_field: MeanField, start: ComplexArray) -> Rotation:
    """Return the rotation of the cell that keeps most of a matrix, over valley labels and centres."""
    problem, folding = mean_field.problem, mean_field.folding
    plain = Rotation(problem, folding=folding)
    choices = [(j, t) for t in moire_translations(folding) for j in range(3 if mean_field.n_flavours == 2 else 1)]
    once, kept = plain(start), []
    for choice in choices:
        phases = _phases(mean_field.orbitals, *choice)
        turn = phases if problem.carrier == "electron" else phases.conj()
        image = turn[:, None] * once * turn.conj()
        kept.append(float(np.vdot(start, image).real))  # |projection|^2 = (|P|^2 + 2 <P, C3 P>) / 3
    label, translation = choices[int(np.argmax(np.round(np.array(kept) / np.linalg.norm(start) ** 2, 9)))]
    return plain if (label, translation) == choices[0] else Rotation(problem, label, folding, translation)


def _phases(orbitals: FoldedOrbitals, valley_label: int, translation: tuple[int, int]) -> ComplexArray:
    """Factors of the orbitals under a relative phase of the valleys and a translation, (orbital,)."""
    valleys = OMEGA ** (-valley_label * np.arange(orbitals.blocks[0]))
    return np.asarray(valleys[orbitals.flavour] * translation_phases(orbitals, translation))


def translation_phases(orbitals: FoldedOrbitals, translation: tuple[int, int]) -> ComplexArray:
    """Factors exp(-i R_a.t) of the folds under a moire translation t in units of a_1, a_2, (orbital,)."""
    n_f, _, n_b = orbitals.blocks
    folds = np.exp(-2j * np.pi * orbitals.folding.vectors @ np.array(translation))
    return np.tile(np.repeat(folds, n_b), n_f)


def moire_translations(folding: Folding) -> list[tuple[int, int]]:
    """Moire translations that differ in the enlarged cell, in units of a_1, a_2; zero is the first."""
    found: dict[tuple[int, ...], tuple[int, int]] = {}
    for i in range(folding.n_folds):
        for j in range(folding.n_folds):
            phases = np.round(folding.vectors @ np.array([i, j]) * folding.n_folds).astype(int) % folding.n_folds
            found.setdefault(tuple(phases.tolist()), (i, j))
    return list(found.values())


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
        object.__setattr__(restricted, "rotation", rotation_of(mean_field, matrix))
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
