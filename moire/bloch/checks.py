"""Checks that a model satisfies its protocol, each done once per model."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire._types import checked
from moire.bloch.protocols import BlochModel, MomentumModel, PlaneWaveModel
from moire.errors import InputError

GENERIC = np.array([[0.1373, 0.2918], [0.4127, -0.0931]])
"""Two momenta without symmetry, in units of b_1 and b_2 (or of a length): an error must show at both."""
EXACT = 1e-6  # of the largest entry: far above rounding, far below a wrong sign or phase
NEARLY = 0.3  # of the coupling between the band nearest the gap and other waves, where a sewing drops plane waves
_BLOCK = 256
_DIFFERENCE_STEP = 2e-4
_DIFFERENCE_TOLERANCE = 1e-5


_checked: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()


@checked
def check_hermitian(model: MomentumModel) -> None:
    """Raise InputError unless H(k) is a Hermitian matrix of the dimension of the states; done once per model."""
    _once(model, "hamiltonian", lambda: _check_hermitian(model))


@checked
def check_sewing(model: BlochModel) -> None:
    """Raise InputError unless H(k + G) = S H(k) S^+ with the S of :meth:`BlochModel.sew`; done once per model.

    S is linear and preserves norms, except for waves beyond a cutoff: S^+ S is then a projector P, and
    S^+ H(k + G) S = P H(k) P is checked. It is exact also for plane waves in a disk, whose states are periodic
    up to the cutoff only. G is b_1, b_2 and b_1 - b_2, so that exchanged axes and signs show.

    A model without H(k) at a general momentum, such as Hartree-Fock bands on their grid, cannot be checked.
    """
    _once(model, "sew", lambda: _check_sewing(model))


@checked
def check_velocity(model: MomentumModel, length: float) -> None:
    """Raise InputError unless `velocity` is the derivative of `hamiltonian`; done once per model.

    Parameters
    ----------
    model
        Any model.
    length
        Scale of momentum in 1/nm on which H(k) changes, such as |b_1|.
    """
    _once(model, "velocity", lambda: _check_velocity(model, length))


@checked
def check_plane_waves(model: PlaneWaveModel) -> None:
    """Raise InputError unless the states of a model are coefficients of its plane waves; done once per model.

    The axis G has one entry per wave of `basis`, and `sew` is the shift of the waves.
    """
    _once(model, "basis", lambda: _check_plane_waves(model))


@checked
def check_time_reversal(model: PlaneWaveModel) -> None:
    """Raise InputError unless `time_reversed` is the model of the other valley with H'(k) = H(-k)^*; once per model."""
    _once(model, "time_reversed", lambda: _check_time_reversal(model))


def _once(model: MomentumModel, what: str, check: Callable[[], None]) -> None:
    try:
        passed = _checked.setdefault(model, set())
    except TypeError:  # no weak references to it, or no hash
        passed = set()
    if what not in passed:
        check()
        passed.add(what)


def _dimension(model: MomentumModel) -> int:
    return model.state_shape[0] * model.state_shape[1]


def _hamiltonians(model: MomentumModel, momenta: FloatArray) -> list[ComplexArray] | None:
    """H at some momenta, or None where the model is defined on its grid only."""
    try:
        return [np.asarray(model.hamiltonian(k)) for k in momenta]
    except InputError:
        return None


def _check_hermitian(model: MomentumModel) -> None:
    lattice = getattr(model, "lattice", None)
    k = GENERIC[0] if lattice is None else GENERIC[0] @ lattice.reciprocal
    found = _hamiltonians(model, k[None])
    if found is None:
        return
    matrix, dimension = found[0], _dimension(model)
    if matrix.shape != (dimension, dimension):
        raise InputError(
            f"`hamiltonian` must return a matrix of shape {(dimension, dimension)}, the size of state_shape, but "
            f"returns {matrix.shape} for {model.name}."
        )
    error = float(np.abs(matrix - matrix.conj().T).max())
    if not error <= EXACT * np.abs(matrix).max():
        raise InputError(
            f"`hamiltonian` must return a Hermitian matrix, but H and H^+ differ by {error:.3g} meV for {model.name} "
            f"at k = ({k[0]:.4g}, {k[1]:.4g}) /nm."
        )


def _check_sewing(model: BlochModel) -> None:
    reciprocal = model.lattice.reciprocal
    here = _hamiltonians(model, GENERIC @ reciprocal)
    if here is None:
        return
    for integers in ((1, 0), (0, 1), (1, -1)):
        vector = np.array(integers, dtype=np.int64)
        place = f"for {model.name} at G = {integers[0]:+d} b_1 {integers[1]:+d} b_2"
        sewing = _sewing_matrix(model, vector, place)
        kept = sewing.conj().T @ sewing
        if not (abs(kept @ kept - kept).max() < EXACT and kept.diagonal().real.sum() > 0.5):
            raise InputError(f"`sew` must keep the norm of a state, but changes it {place}.")
        there = _hamiltonians(model, (GENERIC + vector) @ reciprocal) or here
        errors = [
            _sewing_error(first, second, sewing, kept, model.top_band_first)
            for first, second in zip(here, there, strict=True)
        ]
        if not min(errors) <= 1:
            raise InputError(
                f"`sew` must turn the states at k into those at k + G, H(k + G) = S H(k) S^+, but does not {place}."
            )


def _sewing_matrix(model: BlochModel, reciprocal: IntArray, place: str) -> sparse.csr_array:
    """S of :meth:`BlochModel.sew`, from its action on the basis, (dim, dim); in blocks, as it is sparse."""
    dimension, columns = _dimension(model), []
    for start in range(0, dimension, _BLOCK):
        rows = np.eye(min(_BLOCK, dimension - start), dimension, start, dtype=complex)
        basis: ComplexArray = rows.reshape(-1, *model.state_shape)
        columns.append(sparse.csr_array(np.asarray(model.sew(basis, reciprocal)).reshape(-1, dimension)))
    turned = np.asarray(model.sew(1j * basis, reciprocal)).reshape(-1, dimension)
    if not np.abs(turned - 1j * columns[-1].toarray()).max() < EXACT:
        raise InputError(f"`sew` must be linear, S (c u) = c S u, but is not {place}.")
    return sparse.csr_array(sparse.vstack(columns).T)


def _sewing_error(
    here: ComplexArray, there: ComplexArray, sewing: sparse.csr_array, kept: sparse.csr_array, top_first: bool
) -> float:
    """Deviation of S^+ H(k + G) S from P H(k) P, relative to the deviation allowed."""
    difference = sewing.conj().T @ there @ sewing - kept @ here @ kept
    exact = float(np.abs(difference).max() / (EXACT * (np.abs(here).max() or 1.0)))
    if exact <= 1 or abs(kept - sparse.eye_array(kept.shape[0])).max() < EXACT:
        return exact
    # a mean field interpolated between plane waves is periodic to the extent that its states do not reach the cutoff
    energies, states = np.linalg.eigh(here)
    nearest = -1 if top_first else 0
    state = states[:, nearest]
    coupling = np.linalg.norm((energies[nearest] - np.diag(here)) * state)  # by H, from the state to other waves
    return float(np.linalg.norm(difference @ state) / (NEARLY * (coupling or np.ptp(energies))))


def _check_velocity(model: MomentumModel, length: float) -> None:
    lattice = getattr(model, "lattice", None)
    unit = length * np.eye(2) if lattice is None else lattice.reciprocal
    wrong = []
    for k in GENERIC @ unit:
        found = _wrong_velocity(model, k, length)
        if found is None:
            return
        wrong.append(found)
    raise InputError(wrong[0])


def _wrong_velocity(model: MomentumModel, k: FloatArray, length: float) -> str | None:
    """Description of the deviation of `velocity` from finite differences of H(k), or None."""
    step = _DIFFERENCE_STEP * length
    shifts = step * np.array([-2, -1, 1, 2])[:, None, None] * np.eye(2)
    weights = np.array([1, -8, 8, -1]) / (12 * step)  # of fourth order in the step
    found = _hamiltonians(model, (k + shifts).reshape(-1, 2))
    if found is None:
        return None
    differences = np.einsum("s,saij->aij", weights, np.array(found).reshape(4, 2, *found[0].shape))
    velocity = np.asarray(model.velocity(k))
    prefix = "`velocity` must return dH/dk_x and dH/dk_y"
    if velocity.shape != differences.shape:
        return f"{prefix}, of shape {differences.shape}, but has shape {velocity.shape} for {model.name}."
    scale = max(float(np.abs(differences).max()), float(np.abs(found[0]).max()) / length)
    error = np.abs(velocity - differences).max(axis=(1, 2)) / (scale or 1.0)
    if error.max() <= _DIFFERENCE_TOLERANCE:
        return None
    axis = "xy"[int(np.argmax(error))]
    return (
        f"{prefix}, but differs from the difference of H(k) along {axis} by {error.max():.2g} of its largest entry "
        f"for {model.name} at k = ({k[0]:.4g}, {k[1]:.4g}) /nm."
    )


def _check_plane_waves(model: PlaneWaveModel) -> None:
    (n_layers, n_waves), basis = model.state_shape, model.basis
    if not n_waves == basis.size == len(basis.vectors):
        raise InputError(
            f"`state_shape` must be (layer, G) with the {basis.size} plane waves of `basis`, but is "
            f"{(n_layers, n_waves)} for {model.name}."
        )
    longest = float(np.linalg.norm(basis.cartesian, axis=1).max() / model.lattice.reciprocal_length)
    if longest > basis.plane_wave_shells * (1 + EXACT):
        raise InputError(
            f"`plane_wave_shells` must be at least the largest |G| / |G_1| of `basis`, {longest:.4g}, but is "
            f"{basis.plane_wave_shells:g} for {model.name}."
        )
    states: ComplexArray = np.arange(1.0, n_layers * n_waves + 1).reshape(1, n_layers, n_waves).astype(complex)
    for integers in ((1, 0), (0, 1)):
        vector = np.array(integers, dtype=np.int64)
        index = basis.shift(vector)
        moved = np.where(index >= 0, states[..., np.maximum(index, 0)], 0)
        if not np.array_equal(model.sew(states, vector), moved):
            raise InputError(
                f"`sew` must turn the waves of `basis` into each other, c_G(k + G') = c_(G + G')(k), but does not for "
                f"{model.name} at G' = {integers[0]:+d} b_1 {integers[1]:+d} b_2."
            )


def _check_time_reversal(model: PlaneWaveModel) -> None:
    partner = model.time_reversed()
    if (partner.valley, partner.state_shape) != (-model.valley, model.state_shape):
        raise InputError(
            f"`time_reversed` must return the model of valley {-model.valley:+d} with states {model.state_shape}, but "
            f"returns valley {partner.valley:+d} with states {partner.state_shape} for {model.name}."
        )
    place = {(int(a), int(b)): i for i, (a, b) in enumerate(partner.basis.vectors)}
    opposite = [place.get((-int(a), -int(b)), -1) for a, b in model.basis.vectors]
    if -1 in opposite:
        raise InputError(f"`time_reversed` must return a model with the waves -G, but does not for {model.name}.")
    shape = (*model.state_shape, *model.state_shape)
    for k in GENERIC @ model.lattice.reciprocal:
        expected = np.asarray(model.hamiltonian(-k)).conj()
        found = np.asarray(partner.hamiltonian(k)).reshape(shape)[:, opposite][..., opposite].reshape(expected.shape)
        error = float(np.abs(found - expected).max())
        if not error <= EXACT * np.abs(expected).max():
            raise InputError(
                f"`time_reversed` must return the model with H'(k) = H(-k)^*, but they differ by {error:.3g} meV for "
                f"{model.name} at k = ({k[0]:.4g}, {k[1]:.4g}) /nm."
            )
