"""Rotations of the cluster and time reversal that leave H invariant, identified from its matrix elements."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.exact_diagonalization.pairs import PairHamiltonian, PairTable
from moire.exact_diagonalization.sectors import MomentumSector, Sector
from moire.grids import MomentumGrid
from moire.kernels import orbital_map
from moire.orbitals import Numbers, Orbitals

ROTATION_60 = np.array([[0, 1], [-1, 1]])  # b_1 -> b_2, b_2 -> b_2 - b_1, as rows
COINCIDENCE = 1e-9


@checked
@dataclass(frozen=True, eq=False)
class OrbitalSymmetry(Shown):
    """A unitary or antiunitary U with U c_k U^-1 = e^{i phase_k} c_{image k} that commutes with H.

    Parameters
    ----------
    angle_deg
        Rotation about Gamma; 180 is the inversion k -> -k within one valley, 0 is no rotation.
    image
        (orbital,), orbital that each one is mapped to.
    phases
        (orbital,), in rad.
    one_body_violation, pair_violation
        Largest change of an e_k, and largest norm of the change of an A^Q, in meV.
    reverses_time
        Whether it is antiunitary: time reversal, which exchanges the valleys, followed by the rotation.
    """

    angle_deg: int
    image: IntArray = field(repr=False)
    phases: FloatArray = field(repr=False)
    one_body_violation: float
    pair_violation: float
    reverses_time: bool = False

    def __str__(self) -> str:
        turn = f"rotated by {self.angle_deg} degrees" if self.angle_deg else ""
        return " and ".join(filter(None, ["time-reversed" if self.reverses_time else "", turn]))

    def energy_bound(self, n_particles: int) -> float:
        """Bound on |U H U^+ - H|, and so on the difference of related energies: sum_p P^+_p P_p = N(N-1)/2."""
        return n_particles * self.one_body_violation + n_particles * (n_particles - 1) / 2 * self.pair_violation

    def image_sector(self, sector: Sector, grid: MomentumGrid) -> Sector:
        """Particles of each flavour and total momentum that those of a sector are mapped to."""
        numbers, momentum = sector
        first = self.image[: grid.n_points] % grid.n_points  # image k = R k + image 0, N times the last for N particles
        for _ in range(sum(numbers) - 1):
            first = grid.sum_index[first, self.image[0] % grid.n_points]
        turned = numbers[::-1] if self.reverses_time else numbers
        return turned, int(first[momentum]) if sum(numbers) else momentum

    def map_vectors(self, vectors: ComplexArray, source: MomentumSector, target: MomentumSector) -> ComplexArray:
        """Apply U to vectors (level, dim) of one sector; the result is in the basis of the other."""
        row, amplitude = np.empty(source.dimension, np.int64), np.empty(source.dimension, np.complex128)
        factor = np.exp(-1j * self.phases)
        orbital_map.map_states(
            source.states, self.image, factor, target.n_low, target.low_rank, target.high_offset, row, amplitude
        )
        mapped = np.empty_like(vectors)
        mapped[:, row] = (vectors.conj() if self.reverses_time else vectors) * amplitude
        return mapped


def rotated_orbitals(
    orbitals: Orbitals, n_sixths: int, reverse_time: bool = False, target: MomentumGrid | None = None
) -> IntArray | None:
    """Orbital of the same band that each one is rotated to by `n_sixths` times 60 degrees.

    Time reversal comes first: it takes k to -k and exchanges the two flavours. `target` is the same cluster at other
    boundary phases. None if a rotated momentum is not one of it.
    """
    rotation = np.linalg.matrix_power(ROTATION_60, n_sixths)
    rotated = _points(orbitals.grid) @ (-rotation if reverse_time else rotation)
    apart = rotated[:, None] - _points(target or orbitals.grid)[None]
    same = np.all(np.abs(apart - np.round(apart)) < COINCIDENCE, axis=2)
    if not np.all(same.sum(axis=1) == 1):
        return None
    flavour = orbitals.n_flavours - 1 - orbitals.flavour if reverse_time else orbitals.flavour
    return read_only(orbitals.index(flavour, orbitals.band, np.argmax(same, axis=1)[orbitals.momentum]))


def _points(grid: MomentumGrid) -> FloatArray:
    """Momenta in units of b_1 and b_2, boundary phases included, (k, 2)."""
    return grid.fractional + np.linalg.solve(grid.matrix.astype(float), np.array(grid.boundary_phase))


def pair_images(pairs: PairTable, image: IntArray) -> tuple[IntArray, FloatArray]:
    """Pair that each pair is mapped to and the sign of its order, (pair,) each."""
    first, second = image[pairs.members].T
    return pairs.index[first, second], np.where(first < second, 1.0, -1.0)


@checked
def find_symmetry(
    hamiltonian: PairHamiltonian, n_sixths: int, reverse_time: bool = False, target: PairHamiltonian | None = None
) -> OrbitalSymmetry | None:
    """Find the phases with which a rotation, after time reversal if requested, leaves H invariant, and its violation.

    With `target`, the Hamiltonian at other boundary phases, they are those with which the rotation turns H into it.

    |A_ab| must be invariant, and the phases of A_{image a, image b} / A_ab (A_ab^* under time reversal) must split
    into one phase per orbital. They come
    from the leading eigenvector of that ratio in each A^Q, and then from the equations
    phase_i + phase_j = phase of the pair + constant of Q (mod 2 pi), solved in integers.

    Returns None where the cluster does not have the rotation, or where one-body elements between bands are present.
    """
    pairs = hamiltonian.pairs
    target = target or hamiltonian
    image = rotated_orbitals(hamiltonian.orbitals, n_sixths, reverse_time, target.orbitals.grid)
    if image is None or hamiltonian.mixes_bands or target.mixes_bands:
        return None
    pair_image, order = pair_images(pairs, image)
    angles = np.zeros(len(pair_image))
    for first in np.unique(pairs.range[:, 0]):
        members = np.arange(first, pairs.range[first, 1])
        block = _block(hamiltonian, members, reverse_time)
        rotated = _block(target, pair_image[members]) * np.outer(order[members], order[members])
        _, columns = np.linalg.eigh(rotated * block.conj())
        angles[members] = -np.angle(columns[:, -1])
    phases = _split(pairs, angles)
    one_body = float(np.abs(target.levels[image] - hamiltonian.levels).max())
    norm = 0.0
    for first in np.unique(pairs.range[:, 0]):
        members = np.arange(first, pairs.range[first, 1])
        factor = order[members] * np.exp(-1j * phases[pairs.members[members]].sum(axis=1))
        change = _block(target, pair_image[members]) - _block(hamiltonian, members, reverse_time) * np.outer(
            factor, factor.conj()
        )
        norm = max(norm, float(np.linalg.norm(change, 2)))
    return OrbitalSymmetry(60 * n_sixths, image, read_only(phases), one_body, norm, reverse_time)


@checked
def accepted_symmetries(
    hamiltonian: PairHamiltonian, n_particles: int, tolerance_mev: float
) -> tuple[OrbitalSymmetry, ...]:
    """Rotations of the cluster, and time reversal of two valleys, that change no energy by more than the tolerance."""
    found = [find_symmetry(hamiltonian, n_sixths) for n_sixths in range(1, 6)]
    if hamiltonian.orbitals.n_flavours == 2:
        found += [find_symmetry(hamiltonian, n_sixths, reverse_time=True) for n_sixths in range(6)]
    return tuple(s for s in found if s is not None and s.energy_bound(n_particles) <= tolerance_mev)


def representatives(
    symmetries: tuple[OrbitalSymmetry, ...], grid: MomentumGrid, numbers: Numbers
) -> dict[Sector, tuple[Sector, OrbitalSymmetry | None]]:
    """Representative of each sector of some particles, and the symmetry that maps it to the sector.

    It is the first of its orbit: more particles in the first flavour before fewer, then the lowest momentum.
    """
    reverses = any(symmetry.reverses_time for symmetry in symmetries)
    every = sorted({numbers, numbers[::-1]}, reverse=True) if reverses else [numbers]
    chosen: dict[Sector, tuple[Sector, OrbitalSymmetry | None]] = {}
    for sector in itertools.product(every, range(grid.n_points)):
        if sector not in chosen:
            chosen[sector] = (sector, None)
            for symmetry in symmetries:
                chosen.setdefault(symmetry.image_sector(sector, grid), (sector, symmetry))
    return chosen


def _block(hamiltonian: PairHamiltonian, members: IntArray, conjugate: bool = False) -> ComplexArray:
    """A^Q between the given pairs, all of the same charges, or its complex conjugate."""
    start, first = hamiltonian.pairs.block_start[members], hamiltonian.pairs.range[members, 0]
    block: ComplexArray = hamiltonian.blocks[start[:, None] + members[None] - first[:, None]]
    return block.conj() if conjugate else block


def _split(pairs: PairTable, angles: FloatArray) -> FloatArray:
    """Phases with phase_i + phase_j = angle of (i, j) + constant of its Q, mod 2 pi, where there are any.

    All are written as a number plus integer multiples of a few unknown ones, which the equations left over
    determine up to characters of the momentum group.
    """
    n_orbitals = pairs.orbitals.size
    group = np.unique(pairs.group, return_inverse=True)[1]
    n_groups = int(group.max()) + 1
    values, constants = np.full(n_orbitals, np.nan), np.full(n_groups, np.nan)
    multiples = np.zeros((n_orbitals, n_orbitals), dtype=np.int64)
    constant_multiples = np.zeros((n_groups, n_orbitals), dtype=np.int64)
    n_unknown = 0
    while (unknown := np.isnan(values).sum() + np.isnan(constants).sum()) > 0:
        for (i, j), q, angle in zip(pairs.members, group, angles, strict=True):
            known_i, known_j = not np.isnan(values[i]), not np.isnan(values[j])
            if known_i and known_j and np.isnan(constants[q]):
                constants[q] = values[i] + values[j] - angle
                constant_multiples[q] = multiples[i] + multiples[j]
            elif known_i != known_j and not np.isnan(constants[q]):
                old, new = (i, j) if known_i else (j, i)
                values[new] = np.mod(constants[q] + angle - values[old], 2 * np.pi)
                multiples[new] = constant_multiples[q] - multiples[old]
        if unknown == np.isnan(values).sum() + np.isnan(constants).sum():
            orbital = int(np.argmax(np.isnan(values)))
            values[orbital], multiples[orbital, n_unknown] = 0.0, 1
            n_unknown += 1
    first, second = pairs.members.T
    rows = (multiples[first] + multiples[second] - constant_multiples[group])[:, :n_unknown]
    right = angles + constants[group] - values[first] - values[second]
    return np.mod(values + multiples[:, :n_unknown] @ _solve_mod(rows, right), 2 * np.pi)


def _solve_mod(rows: IntArray, right: FloatArray) -> FloatArray:
    """A solution of the integer equations ``rows x = right`` mod 2 pi, by Euclid's elimination; 0 where free."""
    rows, right = rows.copy(), right.copy()
    n_unknown = rows.shape[1]
    pivots = []
    top = 0
    for column in range(n_unknown):
        while np.count_nonzero(rows[top:, column]) > 1:
            below = top + np.flatnonzero(rows[top:, column])
            pivot = below[np.argmin(np.abs(rows[below, column]))]
            rows[[top, pivot]], right[[top, pivot]] = rows[[pivot, top]], right[[pivot, top]]
            factors = rows[top + 1 :, column] // rows[top, column]
            rows[top + 1 :] -= factors[:, None] * rows[top]
            right[top + 1 :] = np.angle(np.exp(1j * (right[top + 1 :] - factors * right[top])))
        remaining = top + np.flatnonzero(rows[top:, column])
        if remaining.size:
            rows[[top, remaining[0]]], right[[top, remaining[0]]] = (
                rows[[remaining[0], top]],
                right[[remaining[0], top]],
            )
            pivots.append(column)
            top += 1
    solution = np.zeros(n_unknown)
    for row in reversed(range(len(pivots))):
        column = pivots[row]
        solution[column] = (right[row] - rows[row] @ solution) / rows[row, column]
    return solution
