"""Symmetry eigenvalues of the continuum model: threefold rotation and intravalley inversion.

Rotation by +120 degrees about the point r = 0, where all three tunnelling phases are equal: a plane
wave of momentum p in layer l goes to R p + g_l with g_l = tau (kappa_l - R kappa_l), a reciprocal
vector, with no phase. Then |p - tau kappa_l| is kept, every tunnelling transfer d goes to
R d + g_b - g_t, another one of the three, and [C3, H] = 0. The convention is spinless, C3^3 = 1. Another
rotation centre multiplies the eigenvalues at kappa_+ and kappa_- by opposite cube roots of one; an
angular momentum of the orbitals multiplies all three alike: neither changes their product.

Inversion at D = 0: p in layer b goes to -p + tau (kappa_+ + kappa_-) in layer t, and back; P^2 = 1.

Both are exact for the complete set of plane waves; on a finite disk the error falls with the cutoff.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._text import Number
from moire.continuum import C3_ROTATION, ContinuumModel
from moire.errors import require
from moire.linalg.hermitian import extremal_eigenpairs

C3_POINTS = ("gamma", "kappa_+", "kappa_-")
INVERSION_POINTS = ("gamma", "m", "m'", "m''")
OMEGA = np.exp(2j * np.pi / 3)
# Fractional coordinates (in b_1, b_2), times 3 for the rotation and times 2 for the inversion points.
_TIMES_THREE = {"gamma": (0, 0), "kappa_+": (2, -1), "kappa_-": (1, 1)}
_TIMES_TWO = {"gamma": (0, 0), "m": (1, 0), "m'": (0, 1), "m''": (-1, 1)}
_TOLERANCE = 0.05


@dataclass(frozen=True, eq=False)
class SymmetryTable:
    """Symmetry eigenvalues of the bands at the invariant momenta of the symmetry.

    Parameters
    ----------
    symmetry
        "C3" or "inversion".
    points
        Names of the momenta.
    eigenvalues
        <u_n| S |u_n> before rounding, (point, band); the modulus is one up to the cutoff.
    residuals
        Norm of S u_n - s_n u_n, (point, band), with s_n the rounded eigenvalue.
    commutators
        Norm of (S H - H S) u_n in meV, (point, band): the error of the cutoff.
    energies
        (point, band), meV.
    model
        The continuum model.
    """

    symmetry: str
    points: tuple[str, ...]
    eigenvalues: ComplexArray
    residuals: FloatArray = field(repr=False)
    commutators: FloatArray = field(repr=False)
    energies: FloatArray = field(repr=False)
    model: str

    @property
    def order(self) -> int:
        """Order of the symmetry: 3 or 2."""
        return 3 if self.symmetry == "C3" else 2

    @property
    def labels(self) -> IntArray:
        """Integers l with eigenvalue exp(2 pi i l / order), (point, band)."""
        return np.round(np.angle(self.eigenvalues) * self.order / (2 * np.pi)).astype(np.int64) % self.order

    @property
    def is_reliable(self) -> bool:
        """Whether every state is an eigenstate of the symmetry within 0.05."""
        return bool(self.residuals.max() < _TOLERANCE)

    def chern_modulo(self, band_indices: Sequence[int]) -> int:
        """Chern number of a group of bands modulo the order: 0, 1, 2 for C3 and 0, 1 for inversion.

        exp(2 pi i C / 3) = product over the bands of the C3 eigenvalues at gamma, kappa_+ and kappa_-;
        (-1)^C = product of the parities at gamma and the three m points.

        Raises
        ------
        InputError
            If a band is not in the table or a residual exceeds 0.05.

        References
        ----------
        Fang, Gilbert and Bernevig, Phys. Rev. B 86, 115112 (2012), Eqs. (1) and (2), spinless.
        """
        n_bands = self.eigenvalues.shape[1]
        indices = [int(index) for index in band_indices]
        require(
            indices and all(0 <= index < n_bands for index in indices) and len(set(indices)) == len(indices),
            "band_indices",
            f"be distinct bands in 0..{n_bands - 1}, at least one",
            indices,
        )
        worst = float(self.residuals[:, indices].max())
        require(
            worst < _TOLERANCE,
            "model",
            f"have {self.symmetry} eigenstates (residual < {_TOLERANCE})",
            found=f"leaves {worst:.3g}",
        )
        return int(self.labels[:, indices].sum() % self.order)

    def __str__(self) -> str:
        n_bands = self.eigenvalues.shape[1]
        lines = [
            f"{self.symmetry} of {self.model}",
            f"{'':>9}" + "".join(f"{'band ' + str(band):>22}" for band in range(n_bands)),
        ]
        for row, point in enumerate(self.points):
            cells = []
            for band in range(n_bands):
                label = int(self.labels[row, band])
                text = f"w^{label}" if self.order == 3 else "+-"[label]
                cells.append(f"{text} ({Number(self.energies[row, band]):.3f} meV)")
            lines.append(f"{point:>9}" + "".join(f"{cell:>22}" for cell in cells))
        lines.append(
            f"largest residual {self.residuals.max():.2g}, largest commutator {self.commutators.max():.2g} meV"
        )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class SymmetryOperator:
    """A permutation of the plane waves at one momentum; waves mapped outside the cutoff are lost.

    Parameters
    ----------
    momentum
        Invariant momentum k in 1/nm, (2,).
    target
        Index of the wave that each (layer, G) is mapped to, -1 outside the disk, (2 G,).
    """

    momentum: FloatArray
    target: IntArray

    def apply(self, states: ComplexArray) -> ComplexArray:
        """S on states of shape (..., 2 G)."""
        out = np.zeros_like(states)
        inside = self.target >= 0
        out[..., self.target[inside]] = states[..., inside]
        return out

    @property
    def matrix(self) -> ComplexArray:
        """S as a matrix, (2 G, 2 G)."""
        return self.apply(np.eye(len(self.target), dtype=np.complex128)).T


def c3_operator(model: ContinuumModel, point: str) -> SymmetryOperator:
    """Rotation by +120 degrees at gamma, kappa_+ or kappa_-; see the module for its centre and phases.

    Raises
    ------
    InputError
        If the point is none of the three.
    """
    require(point in _TIMES_THREE, "point", f"be one of {', '.join(_TIMES_THREE)}", repr(point))
    k = np.array(_TIMES_THREE[point])
    target = model.rotation_target((k @ C3_ROTATION - k) // 3)
    flat = np.where(target >= 0, target + model.basis.size * np.arange(2)[:, None], -1).ravel()
    return SymmetryOperator(model.lattice.corners[point], flat)


def inversion_operator(model: ContinuumModel, point: str) -> SymmetryOperator:
    """Intravalley inversion at gamma or one of the three m points; it swaps the layers.

    Raises
    ------
    InputError
        If the point is none of the four, or D is not zero: then it is no symmetry.
    """
    require(point in _TIMES_TWO, "point", f"be one of {', '.join(_TIMES_TWO)}", repr(point))
    require(
        model.displacement_mev == 0, "displacement_mev", "be 0 for the intravalley inversion", model.displacement_mev
    )
    k = np.array(_TIMES_TWO[point])
    both = model.valley * np.array([1, 0])  # kappa_+ + kappa_- = G_1
    index = _index(model, -model.basis.vectors - k + both)  # -(k + G) + kappa_+ + kappa_- = k + G'
    size = model.basis.size
    target = np.concatenate([np.where(index >= 0, index + other * size, -1) for other in (1, 0)])
    return SymmetryOperator(k / 2 @ model.lattice.reciprocal, target)


def c3_eigenvalues(model: ContinuumModel, n_bands: int = 3) -> SymmetryTable:
    """C3 eigenvalues of the top bands at gamma, kappa_+ and kappa_-.

    Raises
    ------
    InputError
        If the model does not have as many bands as asked.
    """
    return _table(model, "C3", [c3_operator(model, point) for point in C3_POINTS], C3_POINTS, n_bands)


def parities(model: ContinuumModel, n_bands: int = 3) -> SymmetryTable:
    """Parities of the top bands at gamma, m, m' and m'' under the intravalley inversion of D = 0.

    Raises
    ------
    InputError
        If D is not zero or the model does not have as many bands as asked.
    """
    operators = [inversion_operator(model, point) for point in INVERSION_POINTS]
    return _table(model, "inversion", operators, INVERSION_POINTS, n_bands)


def _index(model: ContinuumModel, vectors: IntArray) -> IntArray:
    """Position of integer G vectors in the basis, -1 outside."""
    known = {(int(a), int(b)): i for i, (a, b) in enumerate(model.basis.vectors)}
    return np.array([known.get((int(a), int(b)), -1) for a, b in vectors])


def _table(
    model: ContinuumModel,
    symmetry: str,
    operators: Sequence[SymmetryOperator],
    points: tuple[str, ...],
    n_bands: int,
) -> SymmetryTable:
    dimension = 2 * model.basis.size
    require(1 <= n_bands < dimension, "n_bands", f"lie in 1..{dimension - 1}", n_bands)
    order = 3 if symmetry == "C3" else 2
    eigenvalues, residuals, commutators, energies = [], [], [], []
    for operator in operators:
        hamiltonian = model.hamiltonian(operator.momentum)
        energy, states = extremal_eigenpairs(hamiltonian, n_bands, largest=True)
        image = operator.apply(states)
        values = _resolve_degenerate(energy, states, image)
        states, image, diagonal = values
        rounded = np.exp(2j * np.pi / order * np.round(np.angle(diagonal) * order / (2 * np.pi)))
        eigenvalues.append(diagonal)
        residuals.append(np.linalg.norm(image - rounded[:, None] * states, axis=1))
        commutators.append(np.linalg.norm(operator.apply(states @ hamiltonian.T) - image @ hamiltonian.T, axis=1))
        energies.append(energy)
    return SymmetryTable(
        symmetry,
        tuple(points),
        read_only(np.array(eigenvalues)),
        read_only(np.array(residuals)),
        read_only(np.array(commutators)),
        read_only(np.array(energies)),
        model.name,
    )


def _resolve_degenerate(
    energy: FloatArray, states: ComplexArray, image: ComplexArray
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Eigenstates of S within each degenerate level, their images and <u|S|u>."""
    states, image = states.copy(), image.copy()
    level = np.concatenate([[0], np.cumsum(np.abs(np.diff(energy)) > 1e-6)])
    for number in np.unique(level):
        rows = np.nonzero(level == number)[0]
        if len(rows) > 1:
            block = states[rows].conj() @ image[rows].T
            vectors = np.linalg.qr(np.linalg.eig(block)[1])[0]
            states[rows], image[rows] = vectors.T @ states[rows], vectors.T @ image[rows]
    return states, image, np.asarray(np.einsum("ng,ng->n", states.conj(), image))


def c3_level_labels(model: ContinuumModel, point: str, n_levels: int) -> tuple[int, ...]:
    """C3 labels l, eigenvalue exp(2 pi i l / 3), of the top levels at gamma, kappa_+ or kappa_-."""
    table = _table(model, "C3", [c3_operator(model, point)], (point,), n_levels)
    return tuple(int(label) for label in table.labels[0])


def signed_gap(model: ContinuumModel, point: str, labels: tuple[int, int], ranks: tuple[int, int] = (0, 0)) -> float:
    """Energy of a level with C3 label ``labels[0]`` minus that of one with ``labels[1]``, in meV.

    Of the levels with one label the highest has rank 0. Levels of one label avoid each other, so that
    the difference is smooth in any parameter and changes sign where the two levels invert.

    Raises
    ------
    InputError
        If the point is not gamma, kappa_+ or kappa_-, or a level is not among the top ten.
    """
    n_levels = min(10, 2 * model.basis.size - 1)
    table = _table(model, "C3", [c3_operator(model, point)], (point,), n_levels)
    energies = []
    for label, rank in zip(labels, ranks, strict=True):
        found = np.nonzero(table.labels[0] == label % 3)[0]
        rule = f"be C3 labels of the top {n_levels} levels at {point}"
        require(0 <= rank < len(found), "labels", rule, found=f"label {label} has no rank {rank} there")
        energies.append(float(table.energies[0, found[rank]]))
    return energies[0] - energies[1]
