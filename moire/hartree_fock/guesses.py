"""Where a self-consistent solution starts: named symmetry-breaking fields and random states."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from moire._arrays import ComplexArray
from moire.errors import InputError, nearest
from moire.hartree_fock.mean_field import MeanField
from moire.projection import ProjectedHamiltonian

FIELD_MEV = 50.0

# (Pauli matrix of the valleys, weights of the layers b and t) of the field that polarises the start. The
# sign makes holes prefer K and layer b. The phase 60 degrees between the in-plane fields is that of opposite
# moments on MX in b and XM in t: the plane waves of the layers are centred on kappa_+ and kappa_-, which turns
# uniform fields by multiples of 120 degrees (see Moments.staggering).
GUESSES: Mapping[str, tuple[str, tuple[complex, complex]]] = MappingProxyType(
    {
        "non_magnetic": ("1", (0.0, 0.0)),
        "valley_polarised": ("z", (-1.0, -1.0)),
        "AFMz": ("z", (-1.0, 1.0)),
        "layer_polarised": ("1", (-1.0, 1.0)),
        "AFMxy": ("x", (-1.0, -np.exp(1j * np.pi / 3))),
    }
)
"""Named guesses; ``"random"`` is the other one."""


def layer_projectors(problem: ProjectedHamiltonian) -> ComplexArray:
    """Projector onto each layer between the orbitals at equal k, (layer, k, orbital, orbital).

    Between the valleys it is the operator that turns the valley at Q = 0, sum_G c^+_{K,k+G} c_{K',k+G}:
    an in-plane moment of the layer.
    """
    states = problem.bands.states
    n_layers, n_k = states.shape[3], states.shape[1]
    overlaps = np.einsum("fkmlg,hknlg->lkfmhn", states.conj(), states, optimize=True)
    if problem.carrier == "hole":
        overlaps = overlaps.conj()
    dimension = states.shape[0] * states.shape[2]
    return np.ascontiguousarray(overlaps.reshape(n_layers, n_k, dimension, dimension))


def content_seed(problem: ProjectedHamiltonian, guess: str, n_particles: int) -> int:
    """Seed that depends on what is solved and on nothing else (not on order, rank or time)."""
    text = json.dumps([problem.describe(), guess, n_particles], sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def check_guess(guess: str, n_flavours: int, symmetry: str) -> None:
    """Raise InputError unless the guess is known and possible for these flavours and this symmetry."""
    known = (*GUESSES, "random")
    if guess not in known:
        raise InputError(f"`guess` must be a named one, but is '{guess}'{nearest(str(guess), known)}")
    if guess in GUESSES and GUESSES[guess][0] != "1" and n_flavours != 2:
        raise InputError(f"`guess` must not need two valleys, but is '{guess}' on {n_flavours} flavour.")
    if symmetry == "valley_diagonal" and guess == "AFMxy":
        raise InputError(f"`guess` must not break the symmetry 'valley_diagonal', but is '{guess}'.")


def guess_fock(mean_field: MeanField, guess: str, seed: int) -> ComplexArray:
    """Fock matrix whose ground state is the guess: h plus a field of 50 meV, or a random matrix.

    Named guesses are gauge covariant: they are operators in layers and plane waves, projected onto the bands.

    Returns
    -------
    fock : (k, orbital, orbital)
        In meV, Hermitian.
    """
    if guess == "random":
        generator = np.random.default_rng(seed)
        real, imag = generator.standard_normal((2, *mean_field.shape))
        noise = real + 1j * imag
        return np.asarray(mean_field.one_body + FIELD_MEV / 2 * (noise + noise.conj().transpose(0, 2, 1)))
    pauli, weights = GUESSES[guess]
    layers = layer_projectors(mean_field.problem)
    wave = np.array(weights) if mean_field.problem.carrier == "hole" else np.conj(weights)
    n_flavours, n_bands = mean_field.n_flavours, mean_field.n_bands
    coefficients = np.zeros((n_flavours, n_flavours, len(layers)), dtype=np.complex128)
    if pauli == "x":
        coefficients[0, 1], coefficients[1, 0] = wave, wave.conj()
    else:
        for flavour in range(n_flavours):
            coefficients[flavour, flavour] = wave * (-1 if pauli == "z" and flavour == 1 else 1)
    spread = coefficients.repeat(n_bands, axis=0).repeat(n_bands, axis=1)
    return np.asarray(mean_field.one_body + FIELD_MEV * np.einsum("lkij,ijl->kij", layers, spread))
