"""Reduced density matrices of a few particles, averaged over a manifold, in blocks of their conserved charges.

The states of the manifold enter with equal weights, so that the result does not depend on the basis of a
degenerate manifold. For N_A particles out of N,

    D_aa' = <c^+_a' ... c_a> = 1/d sum_s sum_b X^s_ab conj(X^s_a'b),  X^s_ab = sign(a, b) psi_s(a or b),

where c^+_a c^+_b |0> = sign(a, b) |a or b>. A block has one total momentum and given numbers of particles of each
flavour; bands mix in it. The trace is binom(N, N_A), and that of the blocks of N_A1 and N_A2 particles of two flavours,
of states with N_1 and N_2 particles, binom(N_1, N_A1) binom(N_2, N_A2). One particle gives the density matrix in the
bands, two the structure factor, more the particle entanglement spectrum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import zherk

from moire._arrays import ComplexArray
from moire.errors import require
from moire.exact_diagonalization import MomentumSector, Spectrum
from moire.kernels import cuts
from moire.observables.manifold_states import SectorVectors, State, vectors_by_sector
from moire.orbitals import Numbers
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


@dataclass(frozen=True, eq=False)
class DensityBlock:
    """Block of a reduced density matrix between kept states of equal charges.

    Parameters
    ----------
    numbers
        Particles kept of each flavour.
    momentum
        Index of their total momentum.
    states
        Occupation words of the rows and columns, those of ``MomentumSector(orbitals, numbers, momentum)``, (a,).
    matrix
        D_aa' with a = (a_1 < a_2 < ...), <c^+_a'1 c^+_a'2 ... c_a2 c_a1>, (a, a').
    """

    numbers: Numbers
    momentum: int
    states: NDArray[np.uint64] = field(repr=False)
    matrix: ComplexArray = field(repr=False)


def kept_numbers(spectrum: Spectrum, n_kept: int, states: Sequence[State] | None = None) -> tuple[Numbers, ...]:
    """Divisions of `n_kept` particles among the flavours, the largest number of the first flavour first.

    Parameters
    ----------
    spectrum, n_kept
        A spectrum, and the particles kept of the species diagonalized.
    states
        Given to omit divisions with more particles of a flavour than any of these states has.
    """
    orbitals = spectrum.species.orbitals
    room = [(min(n_kept, orbitals.per_flavour),) * orbitals.n_flavours]
    if states is not None:
        room = [spectrum.numbers(row) for row in sorted({row for row, _ in states})]
    ways = product(range(n_kept, -1, -1), repeat=orbitals.n_flavours)
    return tuple(way for way in ways if sum(way) == n_kept and any(_fits(way, held) for held in room))


def _fits(part: Numbers, whole: Numbers) -> bool:
    return all(few <= many for few, many in zip(part, whole, strict=True))


def density_blocks(
    spectrum: Spectrum, states: Sequence[State], n_kept: int, numbers: Sequence[Numbers] | None = None
) -> Iterator[DensityBlock]:
    """Blocks of D, for every division of the particles among the flavours and every total momentum of the grid.

    A block is summed over chunks of the traced states, which outnumber its rows for up to half of the particles kept.

    Parameters
    ----------
    spectrum, states
        A spectrum with vectors and the states averaged over, of one or several polarisations.
    n_kept
        N_A, of the species diagonalized. A block with more particles of a flavour than any state has is zero.
    numbers
        Divisions of the particles among the flavours; by default all of :func:`kept_numbers`.

    Raises
    ------
    MemoryRefusedError
        If a block does not fit.
    """
    grid, orbitals = spectrum.grid, spectrum.species.orbitals
    parts = tuple(vectors_by_sector(spectrum, states))
    weight = 1.0 / len(states)
    ways = kept_numbers(spectrum, n_kept) if numbers is None else numbers
    for way, momentum in product(ways, range(grid.n_points)):
        kept = MomentumSector(orbitals, way, momentum).states
        reserve(
            f"Block of {len(kept)} states of {n_kept} particles kept on {orbitals}",
            4 * 16.0 * len(kept) ** 2 + BYTES_PER_ELEMENT * max(CHUNK_ELEMENTS, len(kept)),
            "fewer particles kept would fit",
        )
        block = np.zeros((len(kept),) * 2, dtype=np.complex128, order="F")
        step = max(1, CHUNK_ELEMENTS // max(1, len(kept)))
        for part in parts if len(kept) else ():
            if not _fits(way, part.sector.numbers):
                continue
            left = tuple(many - few for few, many in zip(way, part.sector.numbers, strict=True))
            rest = int(grid.difference_index[part.sector.momentum, momentum])
            traced = MomentumSector(orbitals, left, rest).states
            for start in range(0, len(traced), step):
                for amplitudes in _amplitudes(part, kept, traced[start : start + step]):
                    # Upper triangle of the complex conjugate of X X^+, because the rows of X are contiguous.
                    block = zherk(weight, amplitudes.T, beta=1.0, c=block, trans=2, overwrite_c=1)
        upper = np.triu(block, 1)
        matrix = np.diag(block.diagonal().real) + upper.conj() + upper.T
        yield DensityBlock(way, momentum, kept, matrix)


def _amplitudes(part: SectorVectors, kept: NDArray[np.uint64], traced: NDArray[np.uint64]) -> Iterator[ComplexArray]:
    """X_ab = sign(a, b) psi(a or b) of each state of a sector, (a, b)."""
    shape = (len(kept), len(traced))
    words, signs = np.empty(shape, dtype=np.uint64), np.empty(shape)
    cuts.join(kept, traced, part.sector.states[0], words, signs)
    ranks = part.sector.rank(words)
    for vector in part.vectors:
        yield signs * vector[ranks]
