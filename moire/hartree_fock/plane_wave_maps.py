"""The linear maps of a density matrix in plane waves to its Hartree and Fock self-energies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moire._arrays import ComplexArray, IntArray
from moire.hartree_fock.blocks import Block
from moire.hartree_fock.convolution import Convolution, is_hermitian, waves_of
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.self_energy import needed_blocks
from moire.projection import ProjectedHamiltonian
from moire.resources import reserve

MATRICES = 30  # of the size of P: Fock matrices and errors that DIIS keeps, and those at work
PAIR_BYTES = 100  # of each pair of waves at a momentum, while pairs are sorted


@dataclass(frozen=True, eq=False)
class PlaneWaveMaps:
    """The linear maps of a mean field in plane waves, as :class:`SelfEnergyMaps` has them in bands.

    Parameters
    ----------
    differences
        The wave vector R_d + s_g - s_f of every block, by the number d of R_d.
    exchange
        The exchange.
    """

    differences: dict[Block, int]
    exchange: Convolution

    @classmethod
    def build(cls, problem: ProjectedHamiltonian, folding: Folding) -> PlaneWaveMaps:
        """Find the blocks of P that are needed, and list the pairs of waves of each.

        Raises
        ------
        MemoryRefusedError
            If the density matrices of a self-consistency loop do not fit in memory.
        """
        n_k, n_g = problem.grid.n_points, waves_of(problem).size
        reserve(
            f"Hartree-Fock with {n_g} plane waves a layer on {problem.grid.name}",
            loop_bytes(n_k, n_g, folding.n_flavours, folding.n_folds),
            "fewer plane_wave_shells or a smaller mesh would fit",
        )
        differences = needed_blocks(problem.grid, folding)
        return cls(differences, Convolution(problem, tuple(differences)))

    def hartree(self, blocks: dict[Block, ComplexArray]) -> dict[Block, ComplexArray]:
        """V(D) rho(D) of the blocks within flavours, rho_l(D) = sum_p P_ll(p, p + D) over all flavours."""
        n_waves = waves_of(self.exchange.problem).size
        stride = n_waves * (2 * n_waves + 1)  # from (b G, b G') to (t G, t G')
        result = {block: np.zeros_like(value) for block, value in blocks.items()}
        for shift in {block.shift for block in blocks}:
            own = [block for block in blocks if block.shift == shift]
            half = is_hermitian(own[0])
            for pairs, coulomb in self.exchange.local[shift, half]:
                layers = pairs.base + stride * np.arange(2)[:, None]
                density = sum(blocks[block].reshape(-1)[layers].sum(axis=1) for block in own)
                potential = (coulomb @ density)[:, None]
                for block in own:
                    flat = result[block].reshape(-1)
                    flat[layers] = potential
                    if half:
                        flat[mirrored(layers, 2 * n_waves)] = potential.conj()
        return result


def loop_bytes(n_momenta: int, n_waves: int, n_flavours: int, n_folds: int = 1) -> float:
    """Bytes of a self-consistency loop with `n_waves` plane waves a layer."""
    matrix = 16.0 * n_momenta * n_folds * (2 * n_waves * n_flavours) ** 2
    return MATRICES * matrix + PAIR_BYTES * n_momenta * n_folds * n_waves**2


def mirrored(index: IntArray, dimension: int) -> IntArray:
    """Index of the transposed element of each element (k, m, n) of square matrices."""
    start, rest = index - index % dimension**2, index % dimension**2
    return np.asarray(start + (rest % dimension) * dimension + rest // dimension)
