"""Initial guesses: named symmetry-breaking fields and random states."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape
from moire._types import checked
from moire.bloch import plane_wave_models
from moire.errors import InputError, nearest, require
from moire.hartree_fock.density_waves import density_wave, layer_projectors
from moire.hartree_fock.folding import CORNER_DIFFERENCE, Folding
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.occupation import Aufbau
from moire.projection import ProjectedHamiltonian

FIELD_MEV = 50.0

# (Pauli matrix of the valleys, weights of the layers b and t) of the field that polarises the start. The sign makes
# holes prefer K and layer b; carriers polarised in a layer follow the displacement field. The phase 60 degrees between
# the in-plane fields is that of opposite moments on MX in b and XM in t: the plane waves of the layers are centred on
# kappa_+ and kappa_-, which turns uniform fields by multiples of 120 degrees (see Moments.staggering).
GUESSES: Mapping[str, tuple[str, tuple[complex, complex]]] = MappingProxyType(
    {
        "non_magnetic": ("1", (0.0, 0.0)),
        "valley_polarised": ("z", (-1.0, -1.0)),
        "AFMz": ("z", (-1.0, 1.0)),
        "layer_polarised": ("1", (-1.0, 1.0)),
        "AFMxy": ("x", (-1.0, -np.exp(1j * np.pi / 3))),
    }
)
"""Named guesses that keep the unit cell; ``"random"`` and those of ``FINITE_WAVE_VECTOR`` are the others."""

FINITE_WAVE_VECTOR: Mapping[str, str] = MappingProxyType(
    {
        "spiral": "in-plane moments turning with one wave vector: the boost, or else the first one of the cell",
        "120_degree": "a spiral with +-(kappa_+ - kappa_-)",
        "charge_order": "a potential that is lowest on one site MX of the enlarged cell, and an eighth of it for K",
        "stripe": "out-of-plane moments that alternate with the first wave vector of the enlarged cell",
    }
)
"""Named guesses of enlarged cells and of boosted valleys."""


def content_seed(mean_field: MeanField, guess: str, n_particles: int) -> int:
    """Seed that depends only on the problem, the guess and the number of carriers (not on order, rank or time)."""
    content = mean_field.problem.describe()
    if not mean_field.folding.is_trivial:
        content |= mean_field.folding.describe()
    text = json.dumps([content, guess, n_particles], sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


@checked
def check_guess(guess: str, folding: Folding, symmetry: str) -> None:
    """Raise InputError unless the guess is known and possible for these flavours, this cell and this symmetry."""
    known = (*GUESSES, *FINITE_WAVE_VECTOR, "random")
    if guess not in known:
        raise InputError(f"`guess` must be a known one, but is '{guess}'{nearest(str(guess), known)}")
    n_flavours, boosted = folding.n_flavours, bool(folding.shifts.any())
    in_plane = guess in ("AFMxy", "spiral", "120_degree")
    if n_flavours == 1 and (in_plane or guess == "stripe" or (guess in GUESSES and GUESSES[guess][0] != "1")):
        raise InputError(f"`guess` must be possible with one valley, but '{guess}' needs two.")
    if symmetry == "valley_diagonal" and in_plane:
        raise InputError(f"`guess` must keep the symmetry 'valley_diagonal', but '{guess}' breaks it.")
    if guess == "AFMxy":
        require(not boosted, "guess", "be 'spiral' for intervalley order at a boost", "'AFMxy'")
    if guess in ("charge_order", "stripe"):
        need = f"{guess!r} needs an enlarged one (give `supercell`)"
        require(folding.n_folds > 1, "guess", "be possible in the moire cell", found=need)
    if guess == "spiral":
        finite = boosted or folding.n_folds > 1
        need = "'spiral' needs an enlarged one or a boost (give `supercell` or `boost`)"
        require(finite, "guess", "be possible in the moire cell", found=need)
    if guess == "120_degree":
        need = "'120_degree' needs Q = kappa_+ - kappa_- (give `boost` = '+Q' or `supercell` = 'sqrt3')"
        possible = _in_plane_wave(folding, guess) is not None
        require(possible, "guess", "be possible in the cell and boost given", found=need)


def possible_guesses(folding: Folding, symmetry: str) -> tuple[str, ...]:
    """Return the named guesses and the random one that these flavours, this cell and this symmetry allow."""
    allowed = []
    for guess in (*GUESSES, *FINITE_WAVE_VECTOR, "random"):
        try:
            check_guess(guess, folding, symmetry)
        except InputError:
            continue
        allowed.append(guess)
    if "120_degree" in allowed and "spiral" in allowed:  # the same field
        allowed.remove("spiral")
    return tuple(allowed)


def _in_plane_wave(folding: Folding, guess: str) -> FloatArray | None:
    """Wave vector q of the field exp(i q.r) c^+_K c_K', in units of b_1, b_2; None if there is none."""
    candidates = [np.zeros(2)] if folding.shifts.any() else list(-folding.vectors[1:])
    if guess == "spiral":
        return np.asarray(candidates[0]) if candidates else None
    boost = folding.grid.fractional[folding.shifts[-1]]
    for sign, q in itertools.product((1, -1), candidates):
        difference = boost - q - sign * CORNER_DIFFERENCE  # K at k and K' at k + boost - q
        if np.abs(difference - np.round(difference)).max() < 1e-9:
            return np.asarray(q)
    return None


def guess_fock(mean_field: MeanField, guess: str, seed: int) -> ComplexArray:
    """Fock matrix whose ground state is the guess: h plus a field of 50 meV, or a random matrix.

    Named guesses are gauge covariant: they are operators in layers and plane waves, projected onto the bands.

    Returns
    -------
    fock : (r, orbital, orbital)
        In meV, Hermitian.
    """
    if guess == "random":
        generator = np.random.default_rng(seed)
        real, imag = generator.standard_normal((2, *mean_field.shape))
        noise = real + 1j * imag
        return np.asarray(mean_field.one_body + FIELD_MEV / 2 * (noise + noise.conj().transpose(0, 2, 1)))
    operator = _uniform_field(mean_field, guess) if guess in GUESSES else _modulated_field(mean_field, guess)
    return np.asarray(mean_field.one_body + FIELD_MEV * operator)


def given_density(guess: ComplexArray, mean_field: MeanField, fill: Aufbau) -> ComplexArray:
    """Check a density matrix to start from; elements between flavours that stay unmixed are left out.

    Raises
    ------
    InputError
        If it has another shape, does not hold the carriers, or is not Hermitian.
    """
    start = np.array(guess, dtype=np.complex128)
    check_shape("guess", start, mean_field.shape)
    trace, number = float(np.einsum("kii->", start).real), fill.n_particles
    require(abs(trace - number) < 1e-6, "guess", f"hold {number} carriers", found=f"holds {trace:g}")
    require(np.allclose(start, start.conj().swapaxes(1, 2), atol=1e-9), "guess", "be Hermitian", "not")
    if fill.n_sectors > 1:
        start[:, mean_field.orbitals.mixed] = 0.0
    return start


def _uniform_field(mean_field: MeanField, guess: str) -> ComplexArray:
    pauli, weights = GUESSES[guess]
    layers = layer_projectors(mean_field.problem, mean_field.folding)
    wave = np.array(weights) if mean_field.problem.carrier == "hole" else np.conj(weights)
    if guess == "layer_polarised":
        wave = _favoured_layer(mean_field.problem) * wave
    operator = np.zeros(mean_field.shape, dtype=np.complex128)
    for layer, weight in zip(layers, wave, strict=True):
        if pauli == "x":
            valleys = np.array([[0, weight], [weight.conj(), 0]])
        else:
            valleys = np.diag([weight, -weight if pauli == "z" else weight][: mean_field.n_flavours])
        operator += layer * mean_field.orbitals.between_flavours(valleys)
    return operator


def _favoured_layer(problem: ProjectedHamiltonian) -> int:
    """+1 where the displacement field pulls the carriers to b, -1 where to t; +1 without a field."""
    field = plane_wave_models(problem.bands.models, "problem.bands")[0].displacement_mev
    return -1 if (field < 0) == (problem.carrier == "hole") and field else 1


def _modulated_field(mean_field: MeanField, guess: str) -> ComplexArray:
    problem, folding = mean_field.problem, mean_field.folding
    both, valleys = np.ones(2), mean_field.orbitals.between_flavours
    if guess in ("spiral", "120_degree"):
        in_plane = np.asarray(_in_plane_wave(folding, guess), dtype=float)
        field = -density_wave(problem, folding, in_plane, both) * valleys(np.array([[0, 1], [0, 0j]]))
    elif guess == "stripe":
        field = -density_wave(problem, folding, folding.vectors[1], both)
        field = field * valleys(np.diag([0.5, -0.5 + 0j]))
    else:
        field = np.zeros(mean_field.shape, dtype=np.complex128)
        site = np.array([1, 2]) / 3  # MX in units of a_1, a_2
        stars = [_shortest(problem, vector) for vector in folding.vectors[1:]]
        for q in np.concatenate(stars):
            phase = np.exp(-2j * np.pi * q @ site)
            wave = density_wave(problem, folding, q, both)
            field -= (phase.conj() if problem.carrier == "hole" else phase) * wave / (2 * len(stars))
        field = field * valleys(np.eye(mean_field.n_flavours, dtype=np.complex128))
        if mean_field.n_flavours == 2:  # otherwise the field acts on both valleys
            field = field + _uniform_field(mean_field, "valley_polarised") / 16
    return np.asarray(field + field.conj().swapaxes(1, 2))


def _shortest(problem: ProjectedHamiltonian, vector: FloatArray) -> FloatArray:
    """All shortest vectors that differ from one by reciprocal vectors, in units of b_1, b_2, (q, 2)."""
    side = np.arange(-2, 3)
    offsets = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    candidates = vector + offsets
    lengths = np.linalg.norm(candidates @ problem.grid.lattice.reciprocal, axis=1)
    return np.asarray(candidates[lengths < lengths.min() * (1 + 1e-9)])
