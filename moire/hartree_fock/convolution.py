"""The exchange in plane waves: for each difference of momenta a convolution over all momenta, by fast transforms."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import fft

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.bloch import PlaneWaves, plane_wave_models
from moire.hartree_fock.blocks import Block
from moire.kernels import convolution
from moire.projection import ProjectedHamiltonian
from moire.resources import in_threads


@dataclass(frozen=True, eq=False)
class WavePairs:
    """Pairs of plane waves p = k + G and p' = k' + G' with one difference D = p' - p, and the box that holds all p.

    Parameters
    ----------
    difference
        D in units of the reciprocal vectors of the cluster, (2,).
    base
        Index of the element (b, G), (b, G') of each pair in a block (k, wave, wave), (pair,).
    place
        Place of p in the box, (pair,).
    box
        Sides of the box.
    """

    difference: IntArray
    base: IntArray
    place: IntArray
    box: tuple[int, int]


def waves_of(problem: ProjectedHamiltonian) -> PlaneWaves:
    """The plane waves of each layer, the same for all flavours."""
    return plane_wave_models(problem.bands.models, "problem.bands")[0].basis


def cluster_coordinates(problem: ProjectedHamiltonian) -> tuple[IntArray, IntArray]:
    """Momenta (k, 2) and waves (G, 2) in integer units of the reciprocal vectors of the cluster."""
    matrix = problem.grid.matrix
    momenta = np.round(problem.grid.fractional @ matrix.T).astype(np.int64)
    return momenta, waves_of(problem).vectors @ matrix.T


def wave_pairs(problem: ProjectedHamiltonian, shift: int, half: bool) -> tuple[WavePairs, ...]:
    """All pairs of waves of a flavour at k and another at k + shift, by their difference; or one of D and -D only."""
    momenta, waves = cluster_coordinates(problem)
    n_k, n_g = len(momenta), len(waves)
    moved = momenta[problem.grid.sum_index[:, shift]] - momenta
    differences = moved[:, None, None] + (waves[None] - waves[:, None])[None]  # (k, G, G', 2)
    reach = int(np.abs(differences).max())
    side = 2 * reach + 1
    code = (differences[..., 0] * side + differences[..., 1]).ravel()  # odd under D -> -D
    order = np.argsort(code, kind="stable")
    code = code[order]
    if half:
        order, code = order[code >= 0], code[code >= 0]
    starts = np.concatenate([np.flatnonzero(np.diff(code, prepend=code[0] - 1)), [len(code)]])
    k, g, h = np.unravel_index(order, (n_k, n_g, n_g))
    points = momenta[k] + waves[g]
    base = (k * 2 * n_g + g) * 2 * n_g + h
    found = []
    for first, last in itertools.pairwise(starts):
        own = points[first:last]
        corner = own.min(axis=0)
        sides = own.max(axis=0) - corner + 1
        place = (own[:, 0] - corner[0]) * sides[1] + own[:, 1] - corner[1]
        start = order[first]
        difference = differences.reshape(-1, 2)[start]
        found.append(WavePairs(difference, base[first:last], place, (int(sides[0]), int(sides[1]))))
    return tuple(sorted(found, key=lambda pairs: -pairs.box[0] * pairs.box[1]))


@dataclass(frozen=True, eq=False)
class Convolution:
    """F_ab(p, p + D) = sum_p' V_ab(p - p')/A P_ab(p', p' + D), a and b naming flavour and layer.

    One convolution for each D, flavours and layers: the cost does not know of bands, and grows as N log N with the
    number N of waves p = k + G, which lie on the lattice of the reciprocal vectors of the cluster. The transforms are
    no longer than the box of the p that have a partner at p + D, padded by the reach of V.

    Parameters
    ----------
    problem
        The Hamiltonian in plane waves.
    blocks
        The blocks of the density matrix that are needed.
    """

    problem: ProjectedHamiltonian
    blocks: tuple[Block, ...]
    _spectra: dict[tuple[int, int], FloatArray] = field(init=False, repr=False, default_factory=dict)

    @cached_property
    def _pairs(self) -> dict[tuple[int, bool], tuple[WavePairs, ...]]:
        needed = {(block.shift, is_hermitian(block)) for block in self.blocks}
        return {key: wave_pairs(self.problem, *key) for key in needed}

    @cached_property
    def _coulomb(self) -> FloatArray:
        """V_ll'(q)/A on integer q around zero, (layer x layer, q_1, q_2)."""
        transfers, grid = self.problem.form_factors.transfers, self.problem.grid
        q = np.round((grid.fractional[transfers.group_index] + transfers.reciprocal) @ grid.matrix.T).astype(np.int64)
        reach = np.abs(q).max(axis=0)
        table = np.zeros((4, *(2 * reach + 1)))
        table[:, q[:, 0] + reach[0], q[:, 1] + reach[1]] = self.problem.coulomb.reshape(-1, 4).T
        return table

    @cached_property
    def local(self) -> dict[tuple[int, bool], tuple[tuple[WavePairs, FloatArray], ...]]:
        """Pairs of the differences D within the cutoff with V(D)/A, (layer, layer), by shift and hermiticity."""
        table = self._coulomb
        centre = np.array(table.shape[1:]) // 2
        found = {}
        for key, every in self._pairs.items():
            near = [pairs for pairs in every if np.all(np.abs(pairs.difference) <= centre)]
            values = [table[(slice(None), *(pairs.difference + centre))].reshape(2, 2) for pairs in near]
            found[key] = tuple((pairs, value) for pairs, value in zip(near, values, strict=True) if value.any())
        return found

    def _lengths(self, box: tuple[int, int]) -> tuple[int, int]:
        """Lengths of the transforms: circular sums over them are those of the box."""
        reach = (self._coulomb.shape[1] // 2, self._coulomb.shape[2] // 2)
        first, second = (fft.next_fast_len(side + min(side - 1, most)) for side, most in zip(box, reach, strict=True))
        return first, second

    def _spectrum(self, box: tuple[int, int]) -> FloatArray:
        """Transform of V for a box, (layer x layer, L_1, L_2); real, because V is even."""
        if box not in self._spectra:
            lengths, table = self._lengths(box), self._coulomb
            reach = [min(side - 1, table.shape[1 + axis] // 2) for axis, side in enumerate(box)]
            own = [np.arange(-most, most + 1) for most in reach]
            centre = (table.shape[1] // 2, table.shape[2] // 2)
            wrapped = np.zeros((4, *lengths))
            rows, columns = own[0][:, None], own[1]
            wrapped[:, rows % lengths[0], columns % lengths[1]] = table[:, rows + centre[0], columns + centre[1]]
            self._spectra[box] = np.ascontiguousarray(fft.fft2(wrapped).real)
        return self._spectra[box]

    @property
    def method(self) -> str:
        """How the exchange is found, in words."""
        return "by convolution in plane waves"

    def __call__(self, densities: dict[Block, ComplexArray]) -> dict[Block, ComplexArray]:
        """Exchange of some blocks, each of shape (k, wave, wave), with positive sign."""
        n_waves = waves_of(self.problem).size
        result = {block: np.empty_like(density) for block, density in densities.items()}
        work = [(block, pairs) for block in densities for pairs in self._pairs[block.shift, is_hermitian(block)]]
        work.sort(key=lambda item: -item[1].box[0] * item[1].box[1])
        for box in {pairs.box for _, pairs in work}:
            self._spectrum(box)

        def convolve(item: tuple[Block, WavePairs]) -> None:
            block, pairs = item
            values = np.zeros((4, pairs.box[0] * pairs.box[1]), dtype=np.complex128)
            convolution.gather(densities[block].reshape(-1), pairs.base, pairs.place, n_waves, values)
            summed = self._convolve(values.reshape(4, *pairs.box), pairs.box)
            convolution.scatter(
                summed.reshape(4, -1), pairs.base, pairs.place, n_waves, is_hermitian(block), result[block].reshape(-1)
            )

        in_threads(convolve, work)
        return result

    def _convolve(self, values: ComplexArray, box: tuple[int, int]) -> ComplexArray:
        lengths = self._lengths(box)
        rows = fft.fft(values, n=lengths[1], axis=2)
        both = fft.fft(rows, n=lengths[0], axis=1)
        both *= self._spectrum(box)
        rows = fft.ifft(both, axis=1, overwrite_x=True)[:, : box[0]]
        return np.ascontiguousarray(fft.ifft(rows, axis=2)[:, :, : box[1]])


def is_hermitian(block: Block) -> bool:
    """Whether a block is that of one flavour at equal momenta, of which half determines the rest."""
    return block.first == block.second and block.shift == 0
