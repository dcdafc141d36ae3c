"""Particle-hole pairs of a state in its own quasiparticle bands, of which remote ones may stay as they are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.bands import BandStructure
from moire.errors import is_whole, require
from moire.form_factors import FormFactors
from moire.hartree_fock.result import HartreeFockResult
from moire.hartree_fock.time_dependent.particle_hole import Group, SecondVariation, Sector, unmixed_parts
from moire.projection import ProjectedHamiltonian
from moire.resources import reserve

Parts = dict[tuple[int, bool, bool], ComplexArray]


@dataclass(frozen=True, eq=False)
class OwnBands:
    """An insulator in its quasiparticle bands nearest the gap, those that the carriers fill first.

    Of valleys that do not mix these are `n_bands` bands of each. Where they mix, twice as many quasiparticles are kept
    (as many times as there are flavours), and their components in each flavour stand as bands of this flavour, which
    are not normalized: the form factors of a quasiparticle are then the sum of those of its components, as everywhere.
    The remote bands then hold most of what rotates the order between the valleys, so that as many more empty states
    are kept as bands are filled: those that make up the components of the filled states in one valley, which keeps the
    zero mode at zero.

    Parameters
    ----------
    problem
        The interaction between these bands.
    groups
        Orbitals of the state: the bands themselves, the filled ones first.
    """

    problem: ProjectedHamiltonian
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, result: HartreeFockResult, n_bands: int) -> OwnBands:
        """Rewrite a state.

        Raises
        ------
        InputError
            If it is no converged insulator, or so many bands do not exist or do not hold the filled ones.
        """
        problem, parts = result.problem, unmixed_parts(result)
        n_flavours, n_all = problem.bands.n_flavours, problem.bands.n_bands
        least = max(-(-n_filled // len(flavours)) for flavours, n_filled in parts)
        rule = f"be an integer in {least}..{n_all}, from the filled bands to all"
        require(is_whole(n_bands) and least <= n_bands <= n_all, "n_bands", rule, n_bands)
        n_bands = int(n_bands)
        if result.mixes_valleys:
            levels, states = _with_rotations(result.bands, parts[0][1], n_flavours * n_bands, n_flavours)
            states = states.reshape(*states.shape[:2], n_flavours, -1, states.shape[-1]).transpose(2, 0, 1, 3, 4)
            energies = np.repeat(levels[None], n_flavours, axis=0)
        else:
            valleys = [result.valley_bands(flavour) for flavour in range(n_flavours)]
            states = np.concatenate([valley.states[:, :, :n_bands] for valley in valleys])
            energies = np.concatenate([valley.energies[:, :, :n_bands] for valley in valleys])
        hole, models = problem.carrier == "hole", problem.bands.models
        bands = BandStructure(problem.grid, energies, problem.bands.names, hole, models, np.ascontiguousarray(states))
        carriers = -energies if hole else energies
        groups = tuple(_group(flavours, n_filled, carriers[flavours[0]]) for flavours, n_filled in parts)
        return cls(problem.on_bands(bands, reference="vacuum"), groups)  # P_ref is in the energies

    @cached_property
    def parts(self) -> Parts:
        """Form factors of each flavour between filled and empty bands, (flavour, left is filled, right is filled)."""
        form, found = self.problem.form_factors, {}
        values = FormFactors(form.transfers, form.bands, form.conjugate).values  # not kept: the parts are
        reserve("A second copy of the form factors", values.nbytes, "fewer bands or a smaller grid would fit")
        for group in self.groups:
            n_filled = group.filled.shape[3]
            bands = {True: slice(n_filled), False: slice(n_filled, None)}
            for flavour, left, right in itertools.product(group.flavours, bands, bands):
                own = values[flavour, :, :, bands[left], bands[right]]
                found[flavour, left, right] = np.ascontiguousarray(own)  # one layout, for which the kernel is compiled
        return found

    def variation(self, sector: Sector) -> OwnBandsVariation:
        """The second variation in the pairs of a sector."""
        return OwnBandsVariation(self.problem, self.groups, sector, self.parts)


def _with_rotations(bands: BandStructure, n_filled: int, kept: int, n_flavours: int) -> tuple[FloatArray, ComplexArray]:
    """The first bands, and combinations of the others that hold the rest of the valley components of filled states.

    Combinations diagonalize the mean field, which has no element between them and the bands. Returns energies
    (k, state) and states (k, state, flavour x layer, G).
    """
    states, energies = bands.states[0], bands.energies[0]
    n_k, n_all = energies.shape
    flat = states.reshape(n_k, n_all, n_flavours, -1)
    high = flat[:, kept:]
    parts = np.einsum("knfg,kafg->knfa", high.conj(), flat[:, :n_filled], optimize=True)
    n_rotated = (n_flavours - 1) * n_filled  # those of all flavours add to zero
    rotated = parts[:, :, 1:].reshape(n_k, n_all - kept, n_rotated)
    turn = np.linalg.svd(rotated, full_matrices=False)[0]
    levels, inner = np.linalg.eigh(turn.conj().swapaxes(1, 2) @ (energies[:, kept:, None] * turn))
    if bands.top_band_first:
        levels, inner = levels[:, ::-1], inner[:, :, ::-1]
    added = np.einsum("kna,knfg->kafg", turn @ inner, high, optimize=True)
    added = added.reshape(n_k, levels.shape[1], *states.shape[2:])
    return np.concatenate([energies[:, :kept], levels], axis=1), np.concatenate([states[:, :kept], added], axis=1)


def _group(flavours: tuple[int, ...], n_filled: int, levels: FloatArray) -> Group:
    n_k, n_bands = levels.shape
    unit = np.broadcast_to(np.eye(n_bands, dtype=np.complex128), (n_k, len(flavours), n_bands, n_bands))
    return Group(
        flavours,
        np.ascontiguousarray(levels[:, :n_filled]),
        np.ascontiguousarray(levels[:, n_filled:]),
        unit[..., :n_filled],
        unit[..., n_filled:],
    )


@dataclass(frozen=True, eq=False)
class OwnBandsVariation(SecondVariation):
    """The second variation where the orbitals are the bands themselves: of the kernel only pairs are computed.

    Parameters
    ----------
    problem, groups, sector
        As in :class:`SecondVariation`.
    parts
        Form factors, see :class:`OwnBands`.
    """

    parts: Parts = field(repr=False)

    def reserve(self) -> None:
        """Reserve the memory of :meth:`matrix`, and raise MemoryRefusedError if it is not there."""
        self._reserve(5 * self.dimension**2)

    def _exchange(self, there: tuple[int, int], here: tuple[int, int], moved: IntArray) -> ComplexArray:
        n_k, blocks = len(moved), {}
        for a, b in ((False, False), (False, True), (True, True)):  # of X and Y: whether the band at k + Q is filled
            left, right = self.parts[there[1], a, b], self.parts[here[1], not a, not b]
            (n_m, n_n), (n_s, n_t) = left.shape[2:4], right.shape[2:4]
            block = np.zeros((n_k, n_m, n_s, n_k, n_n, n_t), dtype=np.complex128)
            if block.size:
                self._fill(left, right, moved, block)
            blocks[a, b] = block.reshape(n_k, n_m * n_s, n_k, n_n * n_t)
        blocks[True, False] = blocks[False, True].conj().transpose(2, 3, 0, 1)
        rows = [np.concatenate([blocks[a, b] for b in (False, True)], axis=3) for a in (False, True)]
        total = np.concatenate(rows, axis=1)
        return total.reshape(n_k * total.shape[1], n_k * total.shape[1])

    def _density(
        self, _there: tuple[int, int], here: tuple[int, int], direct: IntArray, _moved: IntArray
    ) -> ComplexArray:
        x, y = (self.parts[here[1], filled, not filled][direct] for filled in (True, False))
        pairs = [part.transpose(0, 4, 1, 3, 2) for part in (x, y)]  # (q, layer, k, band at k + Q, band at k)
        flat = [part.reshape(*part.shape[:3], part.shape[3] * part.shape[4]) for part in pairs]
        rho = np.concatenate(flat, axis=3)
        return rho.reshape(*rho.shape[:2], rho.shape[2] * rho.shape[3])
