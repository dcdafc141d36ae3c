"""Band energies as a function of real parameters that multiply parts of H, with their exact derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire.continuum import ContinuumModel, HarmonicTable, PlaneWaveBasis
from moire.continuum.symmetry import Component
from moire.linalg.hermitian import solve_many
from moire.resources import reserve


@dataclass(frozen=True, eq=False)
class LinearBands:
    """Bands of H(x) = sum_j x_j H_j, nearest the gap first, at given momenta.

    Parameters
    ----------
    components
        The H_j.
    basis
        Plane waves.
    momenta
        (k, 2) in 1/nm.
    n_bands
        Bands from the top.
    """

    components: Sequence[Component]
    basis: PlaneWaveBasis
    momenta: FloatArray
    n_bands: int

    @cached_property
    def _parts(self) -> tuple[ComplexArray, ...]:
        """H_j at all momenta, (k, n, n), or (n, n) where it does not depend on k."""
        models = [ContinuumModel(HarmonicTable(c.name, c.rows), self.basis) for c in self.components]
        constant = [all(row.powers == (0, 0) for row in component.rows) for component in self.components]
        copies = sum(1 if same else len(self.momenta) for same in constant) + len(self.momenta)
        reserve(
            f"Hamiltonians of a fit at {len(self.momenta)} momenta",
            16.0 * copies * (2 * self.basis.size) ** 2,
            "fewer momenta or plane_wave_shells would fit",
        )
        return tuple(
            model.potential if same else np.stack([model.hamiltonian(k) for k in self.momenta])
            for model, same in zip(models, constant, strict=True)
        )

    def solve(self, values: FloatArray) -> tuple[FloatArray, ComplexArray]:
        """Energies (k, band) in meV and states (k, band, n) at these parameters."""

        def matrix_at(i: int) -> ComplexArray:
            parts = zip(values, self._parts, strict=True)
            return np.asarray(sum(x * (part if part.ndim == 2 else part[i]) for x, part in parts))

        return solve_many(matrix_at, len(self.momenta), self.n_bands, largest=True)

    def slopes(self, states: ComplexArray) -> FloatArray:
        """<u| H_j |u>, the derivatives of the energies by the parameters (Hellmann and Feynman), (k, band, j)."""
        found = []
        for part in self._parts:
            images = states @ (part.T if part.ndim == 2 else np.swapaxes(part, 1, 2))
            found.append(np.einsum("kbi,kbi->kb", states.conj(), images).real)
        return np.stack(found, axis=-1)

    def at(self, shells: float, chosen: Sequence[int]) -> LinearBands:
        """Problem with another cutoff, at some of the momenta."""
        basis = PlaneWaveBasis(self.basis.lattice, shells)
        return LinearBands(self.components, basis, self.momenta[list(chosen)], self.n_bands)
