"""Quasiparticles of an enlarged cell or of boosted valleys as a band structure on the reduced zone."""

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
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.occupation import Occupation
from moire.lattice import TriangularLattice
from moire.projection import ProjectedHamiltonian


@checked
@dataclass(frozen=True, eq=False)
class FoldedModel(Shown):
    """The Bloch model of quasiparticles of an enlarged cell: states of shape (flavour x fold x layer, G).

    The component (f, a, l, G) is the plane wave k + R_a + s_f + G, so that the lattice is that of the enlarged cell
    and a reciprocal vector of it permutes the folds. Waves shifted beyond the plane-wave cutoff are dropped:
    norms are one up to that error. There is no H(k) off the grid.

    Parameters
    ----------
    models
        The model of each flavour.
    folding
        The folds.
    """

    models: tuple[BlochModel, ...]
    folding: Folding

    @property
    def lattice(self) -> TriangularLattice:
        """Lattice of the enlarged cell."""
        return self.folding.reduced_grid.lattice

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (flavour x fold x layer, G) of one state."""
        n_layers, n_g = self.models[0].state_shape
        return len(self.models) * self.folding.n_folds * n_layers, n_g

    @property
    def top_band_first(self) -> bool:
        """Whether band 0 is the highest one, as in the models."""
        return self.models[0].top_band_first

    @property
    def name(self) -> str:
        """One line that says which model this is."""
        cell, boost = self.folding.describe().values()
        models = " + ".join(model.name for model in self.models)
        return f"Hartree-Fock quasiparticles of {models}, {cell}, boost {boost}"

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
        """States at k + B from those at k, B in units of the reciprocal vectors of the enlarged cell."""
        folding, n_layers = self.folding, self.models[0].state_shape[0]
        base = np.linalg.inv(folding.grid.lattice.reciprocal)
        moved = folding.vectors + np.asarray(reciprocal) @ self.lattice.reciprocal @ base  # B + R_a = R_a' + G
        lead = states.shape[:-2]
        parts = states.reshape(*lead, len(self.models), folding.n_folds, n_layers, states.shape[-1])
        sewn = np.empty_like(parts)
        for a, vector in enumerate(moved):
            difference = vector - folding.vectors
            other = int(np.abs(difference - np.round(difference)).max(axis=1).argmin())
            umklapp = np.round(difference[other]).astype(np.int64)
            for f, model in enumerate(self.models):
                sewn[..., f, a, :, :] = model.sew(parts[..., f, other, :, :], umklapp)
        return sewn.reshape(states.shape)


@checked
def folded_bands(
    problem: ProjectedHamiltonian, folding: Folding, occupation: Occupation, flavour: int | None = None
) -> BandStructure:
    """Band structure of the electrons in the mean field on the reduced zone: all orbitals as bands, or of one flavour.

    Band 0 is the state that the carriers fill first; conventions are those of :func:`quasiparticle_bands`. Of one
    flavour these are the eigenstates of its diagonal block of the Fock matrix.

    Raises
    ------
    InputError
        If there is no such flavour.
    """
    energies, orbitals, flavours = occupation.energies, occupation.orbitals, tuple(range(problem.bands.n_flavours))
    if flavour is not None:
        rows = orbitals[:, FoldedOrbitals.of(problem, folding).of_flavour(flavour)]
        energies, orbitals = np.linalg.eigh((rows * energies[:, None, :]) @ rows.conj().swapaxes(1, 2))
        flavours = (flavour,)
    sign = 1.0
    if problem.carrier == "hole":  # h^+ = c: a hole in sum U h^+ is the electron state sum U^* u
        sign, orbitals = -1.0, orbitals.conj()
    states = folding.states(problem.bands)[list(flavours)]
    n_f, n_r, n_a, n_b, n_layers, n_g = states.shape
    columns = orbitals.reshape(n_r, n_f, n_a, n_b, -1)
    mixed = np.einsum("rfamn,framlg->rnfalg", columns, states, optimize=True)
    model = FoldedModel(tuple(problem.bands.models[f] for f in flavours), folding)
    shape = (1, n_r, columns.shape[-1], n_f * n_a * n_layers, n_g)
    return BandStructure(
        folding.reduced_grid,
        read_only(sign * energies[None]),
        (model.name,),
        problem.carrier == "hole",
        (model,),
        read_only(mixed.reshape(shape)),
    )
