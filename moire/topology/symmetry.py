"""Symmetry eigenvalues of a model in plane waves: threefold rotation and intravalley inversion.

The model says what a symmetry does to its states (:class:`moire.bloch.ThreefoldModel`,
:class:`moire.bloch.InversionModel`). For :class:`moire.ContinuumModel`:

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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bloch import InversionModel, PlaneWaveModel, ThreefoldModel
from moire.cutoff import warn_of_cutoff_at
from moire.errors import require
from moire.lattice import C3_ROTATION
from moire.linalg.hermitian import extremal_eigenpairs

C3_POINTS = ("gamma", "kappa_+", "kappa_-")
INVERSION_POINTS = ("gamma", "m", "m'", "m''")
OMEGA = np.exp(2j * np.pi / 3)
# Fractional coordinates (in b_1, b_2), times 3 for the rotation and times 2 for the inversion points.
_TIMES_THREE = {"gamma": (0, 0), "kappa_+": (2, -1), "kappa_-": (1, 1)}
_TIMES_TWO = {"gamma": (0, 0), "m": (1, 0), "m'": (0, 1), "m''": (-1, 1)}
_TOLERANCE = 0.05


@checked
@dataclass(frozen=True, eq=False)
class SymmetryTable(Shown):
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


@checked
@dataclass(frozen=True, eq=False)
class SymmetryOperator(Shown):
    """Action of a symmetry on the states at an invariant momentum; waves mapped outside the cutoff are lost.

    Parameters
    ----------
    momentum
        Invariant momentum k in 1/nm, (2,).
    umklapp
        G by which the symmetry moves k, in units of b_1, b_2, (2,).
    action
        The method of the model: (states (..., layer, G), umklapp) to states.
    state_shape
        (layer, G).
    """

    momentum: FloatArray
    umklapp: IntArray
    action: Callable[[ComplexArray, IntArray], ComplexArray] = field(repr=False)
    state_shape: tuple[int, int]

    def apply(self, states: ComplexArray) -> ComplexArray:
        """S on states of shape (..., layer x G)."""
        image = self.action(states.reshape(*states.shape[:-1], *self.state_shape), self.umklapp)
        return np.asarray(image).reshape(states.shape)

    @property
    def matrix(self) -> ComplexArray:
        """S as a matrix, (layer x G, layer x G)."""
        return self.apply(np.eye(self.state_shape[0] * self.state_shape[1], dtype=np.complex128)).T


@checked
def c3_operator(model: ThreefoldModel, point: str) -> SymmetryOperator:
    """Rotation by +120 degrees at gamma, kappa_+ or kappa_-; see the module for its centre and phases.

    Raises
    ------
    InputError
        If the point is none of the three.
    """
    require(point in _TIMES_THREE, "point", f"be one of {', '.join(_TIMES_THREE)}", repr(point))
    k = np.array(_TIMES_THREE[point])
    umklapp = (k @ C3_ROTATION - k) // 3
    return SymmetryOperator(model.lattice.corners[point], umklapp, model.rotated, model.state_shape)


@checked
def inversion_operator(model: InversionModel, point: str) -> SymmetryOperator:
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
    return SymmetryOperator(k / 2 @ model.lattice.reciprocal, -k, model.inverted, model.state_shape)


@checked
def c3_eigenvalues(model: ThreefoldModel, n_bands: int = 3) -> SymmetryTable:
    """C3 eigenvalues of the top bands at gamma, kappa_+ and kappa_-.

    Raises
    ------
    InputError
        If the model does not have as many bands as asked.
    """
    return _table(model, "C3", [c3_operator(model, point) for point in C3_POINTS], C3_POINTS, n_bands)


@checked
def parities(model: InversionModel, n_bands: int = 3) -> SymmetryTable:
    """Parities of the top bands at gamma, m, m' and m'' under the intravalley inversion of D = 0.

    Raises
    ------
    InputError
        If D is not zero or the model does not have as many bands as asked.
    """
    operators = [inversion_operator(model, point) for point in INVERSION_POINTS]
    return _table(model, "inversion", operators, INVERSION_POINTS, n_bands)


def _table(
    model: PlaneWaveModel,
    symmetry: str,
    operators: Sequence[SymmetryOperator],
    points: tuple[str, ...],
    n_bands: int,
    is_told: bool = True,
) -> SymmetryTable:
    """Table of a symmetry; `is_told`: warn if the cutoff is too small."""
    dimension = model.state_shape[0] * model.state_shape[1]
    require(1 <= n_bands < dimension, "n_bands", f"lie in 1..{dimension - 1}", n_bands)
    order = 3 if symmetry == "C3" else 2
    if is_told:
        warn_of_cutoff_at(model, np.stack([operator.momentum for operator in operators]), n_bands)
    eigenvalues, residuals, commutators, energies = [], [], [], []
    for operator in operators:
        hamiltonian = model.hamiltonian(operator.momentum)
        energy, states = extremal_eigenpairs(hamiltonian, n_bands, largest=model.top_band_first)
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


def c3_level_labels(model: ThreefoldModel, point: str, n_levels: int) -> tuple[int, ...]:
    """C3 labels l, eigenvalue exp(2 pi i l / 3), of the top levels at gamma, kappa_+ or kappa_-."""
    table = _table(model, "C3", [c3_operator(model, point)], (point,), n_levels, False)
    return tuple(int(label) for label in table.labels[0])


def signed_gap(model: ThreefoldModel, point: str, labels: tuple[int, int], ranks: tuple[int, int] = (0, 0)) -> float:
    """Energy of a level with C3 label ``labels[0]`` minus that of one with ``labels[1]``, in meV.

    Of the levels with one label the highest has rank 0. Levels of one label avoid each other, so that
    the difference is smooth in any parameter and changes sign where the two levels invert.

    Raises
    ------
    InputError
        If the point is not gamma, kappa_+ or kappa_-, or a level is not among the top ten.
    """
    n_levels = min(10, model.state_shape[0] * model.state_shape[1] - 1)
    table = _table(model, "C3", [c3_operator(model, point)], (point,), n_levels, False)
    energies = []
    for label, rank in zip(labels, ranks, strict=True):
        found = np.nonzero(table.labels[0] == label % 3)[0]
        rule = f"be C3 labels of the top {n_levels} levels at {point}"
        require(0 <= rank < len(found), "labels", rule, found=f"label {label} has no rank {rank} there")
        energies.append(float(table.energies[0, found[rank]]))
    return energies[0] - energies[1]
