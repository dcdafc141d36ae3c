"""The linear maps of a density matrix to its Hartree and Fock self-energies, built once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moire._arrays import ComplexArray
from moire.grids import MomentumGrid
from moire.hartree_fock.blocks import Block
from moire.hartree_fock.exchange import Exchange
from moire.hartree_fock.folding import Folding
from moire.projection import ProjectedHamiltonian


@dataclass(frozen=True, eq=False)
class SelfEnergyMaps:
    """The linear maps of a mean field, for the interaction with which they were built.

    Parameters
    ----------
    differences
        The wave vector R_d + s_g - s_f of every block, by the number d of R_d.
    exchange
        The exchange.
    densities, screened
        Per wave vector R_d and flavour: L_l(q, k) and sum_l' V_ll'(q)/A L_l'(q, k), (q x layer, k x band x band).
    """

    differences: dict[Block, int]
    exchange: Exchange
    densities: dict[Block, ComplexArray]
    screened: dict[Block, ComplexArray]

    @classmethod
    def build(cls, problem: ProjectedHamiltonian, folding: Folding) -> SelfEnergyMaps:
        """Find the blocks of P that are needed, and build the maps of each."""
        grid = problem.grid
        differences = needed_blocks(grid, folding)
        densities, screened = {}, {}
        form = problem.form_factors
        for block in differences:
            if block.first == block.second:
                local = np.nonzero(form.transfers.group_index == block.shift)[0]
                values = np.stack([form.at(block.first, int(q)) for q in local])  # (q, k, m, n, layer)
                by_layer = values.transpose(0, 4, 1, 2, 3).reshape(len(local), values.shape[4], -1)
                dressed = problem.coulomb[local] @ by_layer
                densities[block] = np.ascontiguousarray(by_layer).reshape(-1, by_layer.shape[2])
                screened[block] = dressed.reshape(-1, by_layer.shape[2])
        return cls(differences, Exchange(problem, tuple(differences)), densities, screened)

    def hartree(self, blocks: dict[Block, ComplexArray]) -> dict[Block, ComplexArray]:
        """sum_q V(q) L(q, k) rho(q)^* of the blocks within flavours, rho(q) = sum L(q, k) P(k, k+q)^*."""
        fields: dict[int, ComplexArray] = {}
        for block, value in blocks.items():
            density = self.densities[block] @ value.ravel().conj()
            fields[block.shift] = fields.get(block.shift, 0) + density.conj()
        return {
            block: (fields[block.shift] @ self.screened[block]).reshape(value.shape) for block, value in blocks.items()
        }


def needed_blocks(grid: MomentumGrid, folding: Folding) -> dict[Block, int]:
    """Blocks of P that are needed, the others being their conjugates, with the number d of the wave vector R_d."""
    differences: dict[Block, int] = {}
    for f in range(folding.n_flavours):
        for g in range(f, folding.n_flavours):
            for d, wavevector in enumerate(folding.wavevectors):
                shift = grid.difference_index[grid.sum_index[wavevector, folding.shifts[g]], folding.shifts[f]]
                opposite = Block(f, f, int(grid.difference_index[0, shift]))
                if f != g or opposite not in differences:
                    differences[Block(f, g, int(shift))] = d
    return differences
