"""Reduced density matrices of a few particles, averaged over a manifold, in blocks of total momentum.

The states of the manifold enter with equal weights, so that the result does not depend on the basis of a
degenerate manifold. For N_A particles out of N,

    D_aa' = <c^+_a' ... c_a> = 1/d sum_s sum_b X^s_ab conj(X^s_a'b),  X^s_ab = sign(a, b) psi_s(a or b),

where c^+_a c^+_b |0> = sign(a, b) |a or b>. Its trace is binom(N, N_A). One particle gives n(k), two the structure
factor, more the particle entanglement spectrum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import zherk

from moire._arrays import ComplexArray
from moire.errors import require
from moire.exact_diagonalization import MomentumSector, Spectrum
from moire.kernels import cuts
from moire.observables.manifold_states import SectorVectors, State, vectors_by_sector
from moire.resources import reserve

CHUNK_ELEMENTS = 1 << 20
BYTES_PER_ELEMENT = 64.0  # memory of a chunk: words, signs, ranks, gathered amplitudes and their product


def check_kept(spectrum: Spectrum, n_kept: int) -> None:
    """Raise InputError unless `n_kept` particles can be kept of the species diagonalized."""
    n_particles = spectrum.n_particles
    require(
        n_kept in range(1, n_particles + 1),
        "n_kept",
        f"be an integer in 1..{n_particles}, the number of {spectrum.species} diagonalized",
        n_kept,
    )


def density_blocks(spectrum: Spectrum, states: Sequence[State], n_kept: int) -> Iterator[ComplexArray]:
    """Blocks D_aa', one per total momentum in the order of the grid; their traces sum to binom(N, N_A).

    With a = (a_1 < a_2 < ...), D_aa' = <c^+_a'1 c^+_a'2 ... c_a2 c_a1>. A block is summed over chunks of the traced
    states; up to half of the particles kept, it is the smaller side.

    Parameters
    ----------
    spectrum, states
        A spectrum with vectors and the states averaged over.
    n_kept
        N_A, of the species diagonalized; a and a' run over the states of ``MomentumSector(orbitals, n_kept, K_A)``.
        Above the number of particles the blocks are zero.

    Raises
    ------
    MemoryRefusedError
        If a block does not fit.
    """
    grid = spectrum.grid
    parts = tuple(vectors_by_sector(spectrum, states))
    n_particles, orbitals = spectrum.n_particles, spectrum.species.orbitals
    weight = 1.0 / len(states)
    for momentum in range(grid.n_points):
        kept = MomentumSector(orbitals, (n_kept,), momentum).states
        reserve(
            f"Block of {len(kept)} states of {n_kept} particles kept on {grid.name}",
            4 * 16.0 * len(kept) ** 2 + BYTES_PER_ELEMENT * max(CHUNK_ELEMENTS, len(kept)),
            "fewer particles kept would fit",
        )
        block = np.zeros((len(kept),) * 2, dtype=np.complex128, order="F")
        step = max(1, CHUNK_ELEMENTS // max(1, len(kept)))
        for part in parts if n_kept <= n_particles and len(kept) else ():
            rest = int(grid.difference_index[part.sector.momentum, momentum])
            traced = MomentumSector(orbitals, (n_particles - n_kept,), rest).states
            for start in range(0, len(traced), step):
                for amplitudes in _amplitudes(part, kept, traced[start : start + step]):
                    # Upper triangle of the complex conjugate of X X^+, because the rows of X are contiguous.
                    block = zherk(weight, amplitudes.T, beta=1.0, c=block, trans=2, overwrite_c=1)
        upper = np.triu(block, 1)
        yield np.diag(block.diagonal().real) + upper.conj() + upper.T


def _amplitudes(part: SectorVectors, kept: NDArray[np.uint64], traced: NDArray[np.uint64]) -> Iterator[ComplexArray]:
    """X_ab = sign(a, b) psi(a or b) of each state of a sector, (a, b)."""
    shape = (len(kept), len(traced))
    words, signs = np.empty(shape, dtype=np.uint64), np.empty(shape)
    cuts.join(kept, traced, part.sector.states[0], words, signs)
    ranks = part.sector.rank(words)
    for vector in part.vectors:
        yield signs * vector[ranks]
