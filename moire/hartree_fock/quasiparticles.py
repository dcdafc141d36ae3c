"""Hartree-Fock quasiparticles as a band structure, for topology and plots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch import BlochModel
from moire.errors import InputError
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.occupation import Occupation
from moire.lattice import TriangularLattice
from moire.linalg.hermitian import all_eigenpairs
from moire.projection import ProjectedHamiltonian


@checked
@dataclass(frozen=True, eq=False)
class MixedFlavourModel(Shown):
    """The Bloch model of quasiparticles that may mix flavours: states of shape (flavour x layer, G).

    The layer axis runs over (K, b), (K, t), (K', b), (K', t); each flavour is sewn over the zone edge by its
    own model. The mean field is known on the grid only, so there is no H(k) at any other momentum.

    Parameters
    ----------
    models
        The model of each flavour.
    """

    models: tuple[BlochModel, ...]

    @property
    def lattice(self) -> TriangularLattice:
        """The moire lattice."""
        return self.models[0].lattice

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (flavour x layer, G) of one state."""
        n_layers, n_g = self.models[0].state_shape
        return len(self.models) * n_layers, n_g

    @property
    def top_band_first(self) -> bool:
        """Whether band 0 is the highest one, as in the models."""
        return self.models[0].top_band_first

    @property
    def name(self) -> str:
        """One line that says which model this is."""
        return "Hartree-Fock quasiparticles of " + " + ".join(model.name for model in self.models)

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """Raise InputError: the mean field is known on the grid only."""
        raise InputError(
            f"`k` must be a momentum of the grid, where alone H(k) is known, but is {np.asarray(k).tolist()}."
        )

    def velocity(self, k: FloatArray) -> ComplexArray:
        """Raise InputError: the mean field is known on the grid only."""
        raise InputError(
            f"`k` must be a momentum of the grid, where alone dH/dk is known, but is {np.asarray(k).tolist()}."
        )

    def sew(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """States (..., flavour x layer, G) at k + G' from those at k, each flavour by its own rule."""
        parts = np.split(states, len(self.models), axis=-2)
        return np.concatenate(
            [model.sew(part, reciprocal) for model, part in zip(self.models, parts, strict=True)], axis=-2
        )


@checked
def quasiparticle_bands(problem: ProjectedHamiltonian, occupation: Occupation) -> BandStructure:
    """Band structure of the electrons in the mean field: one flavour, all orbitals as bands.

    Band 0 is the state that the carriers fill first. For holes the energies are minus those of the holes and
    the states are those of the electrons removed, so that bands 0..n-1 are the empty ones at n holes per cell
    and their Chern number is the total one of the filled hole states in the electron convention.
    """
    sign, orbitals = 1.0, occupation.orbitals
    if problem.carrier == "hole":  # h^+ = c: a hole in sum U h^+ is the electron state sum U^* u
        sign, orbitals = -1.0, orbitals.conj()
    states = problem.bands.states
    n_flavours, n_k, n_bands, n_layers, n_g = states.shape
    mixed = orbitals.swapaxes(1, 2).reshape(n_k, -1, n_flavours, n_bands)
    if problem.basis == "bands":
        mixed = np.einsum("knfm,fkmlg->knflg", mixed, states, optimize=True)
    mixed = mixed.reshape(1, n_k, -1, n_flavours * n_layers, n_g)
    model = MixedFlavourModel(problem.bands.models)
    energies = read_only(sign * occupation.energies[None])
    return BandStructure(problem.grid, energies, (model.name,), problem.carrier == "hole", (model,), read_only(mixed))


@checked
def valley_bands(problem: ProjectedHamiltonian, occupation: Occupation, flavour: int) -> BandStructure:
    """Quasiparticle bands of one flavour on its own model, from the diagonal block of the Fock matrix.

    Without order between flavours these are quasiparticles; band 0 is filled by the carriers first.

    Raises
    ------
    InputError
        If there is no such flavour.
    """
    rows = occupation.orbitals[:, FoldedOrbitals.of(problem).of_flavour(flavour)]
    energies, orbitals = all_eigenpairs((rows * occupation.energies[:, None, :]) @ rows.conj().swapaxes(1, 2))
    hole = problem.carrier == "hole"
    columns = orbitals.conj() if hole else orbitals
    kept = problem.bands.states[flavour]
    if problem.basis == "bands":
        states = np.einsum("kmn,kmlg->knlg", columns, kept, optimize=True)
    else:
        states = columns.swapaxes(1, 2).reshape(kept.shape)
    model = problem.bands.models[flavour]
    name = f"Hartree-Fock quasiparticles of {model.name}"
    signed = read_only((-energies if hole else energies)[None])
    return BandStructure(problem.grid, signed, (name,), hole, (model,), read_only(states[None]))
