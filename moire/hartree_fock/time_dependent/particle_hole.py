"""Particle-hole pairs on top of a Slater determinant, and the matrix of its second variation at momentum Q."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.errors import require
from moire.hartree_fock.result import HartreeFockResult
from moire.kernels import particle_hole as kernels
from moire.projection import ProjectedHamiltonian
from moire.resources import reserve

Channel = Literal["all", "intravalley", "intervalley"]
CHANNELS: tuple[Channel, ...] = ("all", "intravalley", "intervalley")
Sector = tuple[tuple[int, int], ...]
"""Pairs (group of k + Q, group of k) of unmixed flavours that the interaction couples."""


@dataclass(frozen=True, eq=False)
class Group:
    """Filled and empty orbitals of flavours that mix only with each other.

    Parameters
    ----------
    flavours
        Flavour indices.
    filled_energies, empty_energies
        (k, state), meV.
    filled, empty
        Columns in the bands of these flavours, (k, flavour, band, state).
    """

    flavours: tuple[int, ...]
    filled_energies: FloatArray = field(repr=False)
    empty_energies: FloatArray = field(repr=False)
    filled: ComplexArray = field(repr=False)
    empty: ComplexArray = field(repr=False)

    @classmethod
    def of(cls, fock: ComplexArray, flavours: tuple[int, ...], n_filled: int, n_bands: int) -> Group:
        """Orbitals of the block (k, flavour x band, flavour x band) of a Fock matrix."""
        energies, columns = np.linalg.eigh((fock + fock.conj().swapaxes(1, 2)) / 2)
        columns = columns.reshape(len(fock), len(flavours), n_bands, -1)
        return cls(
            flavours,
            np.ascontiguousarray(energies[:, :n_filled]),
            np.ascontiguousarray(energies[:, n_filled:]),
            np.ascontiguousarray(columns[..., :n_filled]),
            np.ascontiguousarray(columns[..., n_filled:]),
        )


def unmixed_parts(result: HartreeFockResult) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Flavours of a converged insulator that mix only with each other, and the bands that they fill together.

    Raises
    ------
    InputError
        If the state did not converge, is at a temperature, or is not an insulator.
    """
    result.require_unit_cell()
    require(result.converged, "result", "be converged", f"not ({result.stop_reason})")
    require(result.temperature_mev == 0, "result", "be at zero temperature", f"at {result.temperature_mev:g} meV")
    require(
        result.gap > 0,
        "result",
        "be an insulator with empty and filled bands",
        found="has only one of them" if np.isnan(result.gap) else f"has a gap of {result.gap:g} meV",
    )
    flavours = tuple(range(result.problem.bands.n_flavours))
    if result.mixes_valleys:
        counts, parts = np.einsum("kii->k", result.density_matrix).real[:, None], [flavours]
    else:
        counts, parts = result.carriers_by_flavour, [(f,) for f in flavours]
    number = np.round(counts[0]).astype(int)
    require(
        np.abs(counts - number).max() < 0.01,
        "result",
        "fill the same number of bands of each valley at every momentum",
        found=f"fills {counts.min(axis=0).round(3).tolist()} to {counts.max(axis=0).round(3).tolist()}",
    )
    return tuple((own, int(n)) for own, n in zip(parts, number, strict=True))


def insulating_groups(result: HartreeFockResult) -> tuple[Group, ...]:
    """Split the orbitals of a converged insulator into groups of flavours that do not mix.

    Raises
    ------
    InputError
        If the state did not converge, is at a temperature, or is not an insulator.
    """
    columns, n_bands = result.occupation.orbitals, result.problem.bands.n_bands
    groups = []
    for flavours, n_filled in unmixed_parts(result):
        own = columns[:, flavours[0] * n_bands : (flavours[-1] + 1) * n_bands]
        fock = (own * result.occupation.energies[:, None, :]) @ own.conj().swapaxes(1, 2)
        groups.append(Group.of(fock, flavours, n_filled, n_bands))
    return tuple(groups)


def sectors_of(groups: Sequence[Group], channel: Channel) -> tuple[Sector, ...]:
    """Sectors of pairs that do not couple; the second and third of a valley-diagonal state flip the valley.

    Raises
    ------
    InputError
        If the channel is unknown, separates what the state mixes, or contains no pair.
    """
    require(channel in CHANNELS, "channel", f"be one of {', '.join(CHANNELS)}", repr(channel))
    within: Sector = tuple((g, g) for g in range(len(groups)))
    flips: tuple[Sector, ...] = tuple(((g, h),) for g in range(len(groups)) for h in range(len(groups)) if g != h)
    require(
        channel == "all" or flips,
        "channel",
        "be 'all' where the valleys mix or there is only one",
        repr(channel),
    )
    wanted = {"all": (within, *flips), "intravalley": (within,), "intervalley": flips}[channel]
    sectors = tuple(sector for sector in wanted if _n_pairs(groups, sector) + _n_pairs(groups, reversed_sector(sector)))
    require(sectors, "channel", "hold a pair of a filled and an empty orbital", found=f"{channel!r} holds none")
    return sectors


def reversed_sector(sector: Sector) -> Sector:
    """The sector of the pairs of this one at momentum -Q."""
    return tuple((h, g) for g, h in sector)


def _n_pairs(groups: Sequence[Group], sector: Sector) -> int:
    return sum(groups[g].empty.shape[3] * groups[h].filled.shape[3] for g, h in sector)


@dataclass(frozen=True, eq=False)
class SecondVariation:
    """The Hermitian matrix M(Q) of E = E_0 + <z|M z> in the pairs z = (X, Y) of one sector.

    X_ph(k) turns a filled orbital h at k into an empty one p at k + Q, Y_ab(k) is the density between a filled a
    at k + Q and an empty b at k. With D(k) = <c^+_k c_{k+Q}> in the bands,

    M = (e_empty - e_filled) + direct - exchange,
    direct: sum_{q = Q + G} V_ll'(q)/A L_l(q, k)^+ rho_l'(q),   rho_l(q) = sum_k tr L_l(q, k) D(k),
    exchange: sum_q V_ll'(q)/A L_l(q, k+Q) D(k+q) L_l'(q, k)^+.

    Its diagonal blocks are A(Q) and A(-Q)^*, the off-diagonal block is B. Normal modes obey M z = omega sigma_z z.

    Parameters
    ----------
    problem
        The projected Hamiltonian.
    groups
        Orbitals of the state.
    sector
        Pairs of flavours.

    References
    ----------
    Thouless, Nucl. Phys. 22, 78 (1961); Ring and Schuck, The Nuclear Many-Body Problem, sections 8.4 and 8.5.
    """

    problem: ProjectedHamiltonian
    groups: tuple[Group, ...]
    sector: Sector

    @property
    def n_forward(self) -> int:
        """Number of pairs X."""
        return self.problem.grid.n_points * _n_pairs(self.groups, self.sector)

    @property
    def n_backward(self) -> int:
        """Number of pairs Y."""
        return self.problem.grid.n_points * _n_pairs(self.groups, reversed_sector(self.sector))

    @property
    def dimension(self) -> int:
        """Dimension of M."""
        return self.n_forward + self.n_backward

    def differences(self, momentum: int) -> FloatArray:
        """Energies of the bare pairs in meV, in the order of the matrix, (dimension,)."""
        moved = self.problem.grid.sum_index[:, momentum]
        forward, backward = [], []
        for g, h in self.sector:
            above, here = self.groups[g], self.groups[h]
            forward.append((above.empty_energies[moved][:, :, None] - here.filled_energies[:, None, :]).ravel())
            backward.append((here.empty_energies[:, None, :] - above.filled_energies[moved][:, :, None]).ravel())
        return np.concatenate(forward + backward)

    def matrix(self, momentum: int) -> ComplexArray:
        """M(Q) in meV for the momentum of index `momentum` in the momentum group, (dimension, dimension).

        Raises
        ------
        MemoryRefusedError
            If it does not fit in memory.
        """
        problem = self.problem
        self.reserve()
        direct = np.nonzero(problem.form_factors.transfers.group_index == momentum)[0]
        moved = np.ascontiguousarray(problem.grid.sum_index[:, momentum])
        total = np.diag(self.differences(momentum) - problem.zero_exchange).astype(np.complex128)
        density = np.zeros((len(direct), problem.bands.states.shape[3], self.dimension), dtype=np.complex128)
        for (g, h), rows in zip(self.sector, self._rows(), strict=True):
            flat = rows.reshape(-1)
            for f in self.groups[g].flavours:
                for f_here in self.groups[h].flavours:
                    total[np.ix_(flat, flat)] -= self._exchange((g, f), (h, f_here), moved)
                    if f == f_here:
                        density[:, :, flat] += self._density((g, f), (h, f_here), direct, moved)
        if density.any():
            screened = np.einsum("qab,qbz->qaz", problem.coulomb[direct], density)
            total += density.reshape(-1, self.dimension).conj().T @ screened.reshape(-1, self.dimension)
        return np.asarray((total + total.conj().T) / 2)

    def reserve(self) -> None:
        """Reserve the memory of :meth:`matrix`, and raise MemoryRefusedError if it is not there."""
        side = self.problem.grid.n_points * self.problem.bands.n_bands**2  # of the kernel of one pair of flavours
        self._reserve(3 * self.dimension**2 + side**2 + side * self.dimension)

    def _reserve(self, n_elements: float) -> None:
        reserve(
            f"{self.dimension} particle-hole pairs on {self.problem.grid.name}",
            16.0 * n_elements,
            "fewer bands, a smaller grid or one channel would fit",
        )

    def _exchange(self, there: tuple[int, int], here: tuple[int, int], moved: IntArray) -> ComplexArray:
        """Exchange of the pairs between a (group, flavour) at k + Q and one at k, (k pair, k pair)."""
        columns = self._columns(there, here, moved)
        n_k, n_bands = len(moved), self.problem.bands.n_bands
        kernel = np.empty((n_k, n_bands, n_bands, n_k, n_bands, n_bands), dtype=np.complex128)
        values = self.problem.form_factors.values
        self._fill(values[there[1]], values[here[1]], moved, kernel)
        return _sandwich(kernel.reshape(n_k * n_bands**2, -1), columns)

    def _fill(self, left: ComplexArray, right: ComplexArray, moved: IntArray, out: ComplexArray) -> None:
        grid, transfers = self.problem.grid, self.problem.form_factors.transfers
        first = np.searchsorted(transfers.group_index, np.arange(grid.n_points + 1))
        kernels.exchange(left, right, self.problem.coulomb, first, grid.sum_index, moved, out)

    def _density(
        self, there: tuple[int, int], here: tuple[int, int], direct: IntArray, moved: IntArray
    ) -> ComplexArray:
        """rho_l(q) of the pairs within a flavour at the transfers `direct`, (q, layer, k pair)."""
        n_k, n_bands = len(moved), self.problem.bands.n_bands
        columns = self._columns(there, here, moved).reshape(n_k, n_bands, n_bands, -1)
        values = self.problem.form_factors.values[here[1], direct]
        rho = np.einsum("qksml,kmsc->qlkc", values, columns, optimize=True)
        return np.asarray(rho.reshape(*rho.shape[:2], -1))

    def _rows(self) -> list[IntArray]:
        """Indices of the pairs of each momentum in the matrix, X then Y, one (k, pair) for each part of the sector."""
        n_k = self.problem.grid.n_points
        rows = []
        start_forward, start_backward = 0, self.n_forward
        for g, h in self.sector:
            n_forward = n_k * _n_pairs(self.groups, ((g, h),))
            n_backward = n_k * _n_pairs(self.groups, ((h, g),))
            forward = start_forward + np.arange(n_forward).reshape(n_k, -1)
            backward = start_backward + np.arange(n_backward).reshape(n_k, -1)
            rows.append(np.concatenate([forward, backward], axis=1))
            start_forward, start_backward = start_forward + n_forward, start_backward + n_backward
        return rows

    def _columns(self, there: tuple[int, int], here: tuple[int, int], moved: IntArray) -> ComplexArray:
        """D(k) of every pair between a (group, flavour) at k + Q and one at k, (k, m s, pair)."""
        (above, i), (below, j) = ((self.groups[g], self.groups[g].flavours.index(f)) for g, f in (there, here))
        n_k, n_bands = above.filled.shape[0], above.filled.shape[2]
        parts = [
            np.einsum("kmp,ksh->kmsph", left[moved, i], right[:, j].conj()).reshape(n_k, n_bands**2, -1)
            for left, right in ((above.empty, below.filled), (above.filled, below.empty))
        ]
        return np.ascontiguousarray(np.concatenate(parts, axis=2))


def _sandwich(kernel: ComplexArray, columns: ComplexArray) -> ComplexArray:
    """T^+ W T of a kernel (k m s, k n t) with T block diagonal in k, columns (k, m s, pair)."""
    n_k, n_products, n_columns = columns.shape
    side = n_k * n_products
    right = np.matmul(kernel.reshape(side, n_k, n_products).transpose(1, 0, 2), columns)  # (k', k m s, pair')
    right = right.reshape(n_k, n_k, n_products, n_columns).transpose(1, 2, 0, 3).reshape(n_k, n_products, -1)
    return np.asarray(np.matmul(columns.conj().swapaxes(1, 2), right).reshape(n_k * n_columns, n_k * n_columns))
