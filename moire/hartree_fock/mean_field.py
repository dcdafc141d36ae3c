"""The mean field of a density matrix: Hartree and Fock self-energies, and the energy."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from moire._arrays import ComplexArray, check_shape, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.hartree_fock.blocks import Block
from moire.hartree_fock.convolution import Convolution
from moire.hartree_fock.exchange import Exchange
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Boost, Folding, Supercell
from moire.hartree_fock.plane_wave_maps import PlaneWaveMaps
from moire.hartree_fock.self_energy import SelfEnergyMaps
from moire.kernels.hermitian import complete
from moire.projection import ProjectedHamiltonian


@checked
@dataclass(frozen=True)
class EnergyParts(Shown):
    """Energy per cell of a Slater determinant, in meV.

    Parameters
    ----------
    one_body, hartree, fock
        tr(h P), half the direct and half the exchange energy; their sum is the energy.
    """

    one_body: float
    hartree: float
    fock: float

    @property
    def total(self) -> float:
        """The energy per cell in meV."""
        return self.one_body + self.hartree + self.fock


@checked
@dataclass(frozen=True, eq=False)
class MeanField(Shown):
    """Fock[P] = h + Hartree[P - P_ref] - Exchange[P - P_ref] for P_{ij}(r) = <c^+_j c_i>(r).

    An orbital i at the momentum r of the reduced zone is (flavour, fold, band), flavour slow
    (:class:`FoldedOrbitals`); without an enlarged cell r = k and there is one fold (:class:`Folding`). Blocks of P
    between a flavour at k and another at k + Delta transform separately. With L_l(q, k) the form factors,

    Hartree(k, k+Delta) = sum_{q in Delta} sum_ll' V_ll'(q)/A L_l(q, k) rho_l'(-q),
    rho_l(q) = sum_fk tr L_l(q, k) P_ff(k+q, k),
    Exchange(k, k+Delta) = sum_q sum_ll' V_ll'(q)/A L_l(q, k, f) P_ff'(k+q, k+q+Delta) L_l'(q, k+Delta, f')^+

    (see :class:`Exchange`).

    Parameters
    ----------
    problem
        The projected Hamiltonian; its q = 0 rule and its reference density are applied unchanged.
    supercell, boost
        Enlarged cell and boost of the second valley, as in :class:`Folding`.
    bare, one_body
        h, and h minus the self-energy of P_ref, in meV, (r, orbital, orbital).
    reference, constant
        P_ref of the reduced zone, and tr Self-energy[P_ref] P_ref / 2 in meV.

    Raises
    ------
    InputError
        If the enlarged cell does not divide the cluster, or the boost is impossible.
    MemoryRefusedError
        If the shifted states, from which overlaps are multiplied, do not fit in memory.
    """

    problem: ProjectedHamiltonian
    supercell: Supercell | None = None
    boost: Boost | None = None
    orbitals: FoldedOrbitals = field(init=False, repr=False)
    bare: ComplexArray = field(init=False, repr=False)
    one_body: ComplexArray = field(init=False, repr=False)
    reference: ComplexArray = field(init=False, repr=False)
    constant: float = field(init=False, repr=False)
    _maps: SelfEnergyMaps | PlaneWaveMaps = field(init=False, repr=False)
    _strength: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problem = self.problem
        folding = Folding(problem.grid, self.n_flavours, self.supercell, self.boost)
        object.__setattr__(self, "orbitals", FoldedOrbitals(problem.orbitals, folding))
        object.__setattr__(self, "_maps", _maps_of(problem)(problem, folding))
        object.__setattr__(self, "_strength", 1.0)
        self._set_one_body()

    def _set_one_body(self) -> None:
        problem = self.problem
        bare = self.orbitals.block_diagonal(problem.one_body_matrix)
        reference = self.fold(problem.reference_density)
        one_body = bare - self.interaction(reference) if reference.any() else bare
        object.__setattr__(self, "bare", bare)
        object.__setattr__(self, "reference", reference)
        object.__setattr__(self, "one_body", one_body)
        object.__setattr__(self, "constant", overlap(bare - one_body, reference) / 2)

    def rescaled(self, epsilon_r: float) -> MeanField:
        """Return the mean field at another dielectric constant; V is proportional to 1/eps, so that nothing is rebuilt.

        Raises
        ------
        InputError
            If the dielectric constant is not positive.
        """
        interaction = replace(self.problem.interaction, epsilon_r=float(epsilon_r))
        ratio = interaction.strength / self.problem.interaction.strength
        problem = replace(
            self.problem,
            interaction=interaction,
            coulomb=read_only(ratio * self.problem.coulomb),
            zero_exchange=ratio * self.problem.zero_exchange,
        )
        other = copy(self)
        object.__setattr__(other, "problem", problem)
        object.__setattr__(other, "_strength", ratio * self._strength)
        other._set_one_body()
        return other

    @property
    def exchange(self) -> Exchange | Convolution:
        """The exchange maps, with their memory."""
        return self._maps.exchange

    @property
    def n_flavours(self) -> int:
        """Number of flavours."""
        return self.problem.bands.n_flavours

    @property
    def n_bands(self) -> int:
        """Bands kept per flavour and fold."""
        return self.problem.bands.n_bands

    @property
    def folding(self) -> Folding:
        """The enlarged cell and the boost."""
        return self.orbitals.folding

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a density matrix, (r, orbital, orbital)."""
        return self.orbitals.shape

    @property
    def n_cells(self) -> int:
        """Moire cells of the cluster."""
        return self.problem.grid.n_points

    def fold(self, density_matrix: ComplexArray) -> ComplexArray:
        """Density matrix of the reduced zone from one of the unit cell, (k, flavour x band, flavour x band).

        Raises
        ------
        InputError
            If it has order between flavours at equal k and the flavours are boosted apart.
        """
        (n_f, n_a, n_b), folding = self.orbitals.blocks, self.folding
        unit = density_matrix.reshape(self.n_cells, n_f, n_b, n_f, n_b)
        folded = self.orbitals.split(np.zeros(self.shape, dtype=np.complex128))
        for f in range(n_f):
            for g in range(n_f):
                blocks = unit[folding.index[f], f, :, g]
                if folding.shifts[f] != folding.shifts[g]:
                    require(
                        not blocks.any(),
                        "density_matrix",
                        "have no intervalley order at equal k under a boost",
                        found="has some",
                    )
                else:
                    for a in range(n_a):
                        folded[:, f, a, :, g, a] = blocks[:, a]
        return self.orbitals.join(folded)

    def hartree(self, density_matrix: ComplexArray) -> ComplexArray:
        """Direct self-energy of a Hermitian P in meV, shape (r, orbital, orbital); diagonal in flavour."""
        blocks = self._blocks(density_matrix)
        own = {block: value for block, value in blocks.items() if block.first == block.second}
        return self._assemble(self._maps.hartree(own), self._strength)

    def fock(self, density_matrix: ComplexArray) -> ComplexArray:
        """Exchange self-energy of a Hermitian P in meV, its minus sign included, shape (r, orbital, orbital)."""
        blocks = {block: value for block, value in self._blocks(density_matrix).items() if value.any()}
        exchange = self._assemble(self._maps.exchange(blocks), -self._strength)
        return exchange - self.problem.zero_exchange * density_matrix

    def _blocks(self, density_matrix: ComplexArray) -> dict[Block, ComplexArray]:
        """P between flavour f at k and flavour g at k + Delta, (k, m, n), for every block needed."""
        _, n_a, n_b = self.orbitals.blocks
        matrix = self.orbitals.split(density_matrix)
        result = {}
        for block, d in self._maps.differences.items():
            values = np.empty((self.n_cells, n_b, n_b), dtype=np.complex128)
            for a in range(n_a):
                values[self.folding.index[block.first][:, a]] = matrix[
                    :, block.first, a, :, block.second, self.folding.sums[a, d]
                ]
            result[block] = values
        return result

    def _assemble(self, blocks: dict[Block, ComplexArray], factor: float = 1.0) -> ComplexArray:
        """Exactly Hermitian matrix of the reduced zone from its blocks times a factor."""
        matrix = self.orbitals.split(np.zeros(self.shape, dtype=np.complex128))
        for block, values in blocks.items():
            d, scaled = self._maps.differences[block], values if factor == 1 else factor * values
            for a in range(self.folding.n_folds):
                b = self.folding.sums[a, d]
                part = scaled if self.folding.is_trivial else scaled[self.folding.index[block.first][:, a]]
                if block.first == block.second and a != b:
                    matrix[:, block.second, b, :, block.first, a] = part.conj().swapaxes(1, 2)
                matrix[:, block.first, a, :, block.second, b] = part
        joined = self.orbitals.join(matrix)
        complete(joined, self.orbitals.dimension // self.n_flavours)
        return joined

    def interaction(self, density_matrix: ComplexArray) -> ComplexArray:
        """Hartree plus Fock self-energy of a Hermitian P in meV: linear in P, exactly Hermitian."""
        blocks = self._blocks(density_matrix)
        total = self._maps.exchange({block: value for block, value in blocks.items() if value.any()})
        for block, value in self._maps.hartree({b: v for b, v in blocks.items() if b.first == b.second}).items():
            total[block] = value - total[block] if block in total else value
        for block in total:
            total[block] *= self._strength if block.first == block.second else -self._strength
            if self.problem.zero_exchange:
                total[block] -= self.problem.zero_exchange * blocks[block]
        return self._assemble(total)

    def __call__(self, density_matrix: ComplexArray) -> ComplexArray:
        """Fock matrix h + Hartree + Fock of P - P_ref in meV, shape (r, orbital, orbital)."""
        fock = self.interaction(density_matrix)
        fock += self.one_body
        return fock

    def energy(self, density_matrix: ComplexArray, fock: ComplexArray | None = None) -> float:
        """Energy of the cluster in meV: tr h P + tr Self-energy[P - P_ref] (P - P_ref)/2; `fock` saves a build."""
        matrix = self(density_matrix) if fock is None else fock
        return (overlap(self.one_body, density_matrix) + overlap(matrix, density_matrix)) / 2 + self.constant

    def energy_parts(self, density_matrix: ComplexArray) -> EnergyParts:
        """Energy per cell, split.

        Raises
        ------
        InputError
            If the density matrix has the wrong shape.
        """
        check_shape("density_matrix", density_matrix, self.shape)
        change = density_matrix - self.reference
        return EnergyParts(
            overlap(self.bare, density_matrix) / self.n_cells,
            overlap(self.hartree(change), change) / (2 * self.n_cells),
            overlap(self.fock(change), change) / (2 * self.n_cells),
        )

    def describe(self) -> dict[str, object]:
        """All approximations, including the cell and the boost."""
        return {**self.problem.describe(), **self.folding.describe(), "exchange": self.exchange.method}

    def __str__(self) -> str:
        return "\n".join(f"{name:>15}  {value}" for name, value in self.describe().items())


def overlap(first: ComplexArray, second: ComplexArray) -> float:
    """Return sum_k tr A(k) B(k) of Hermitian matrices, a real number."""
    return float(np.vdot(first, second).real)


def _maps_of(
    problem: ProjectedHamiltonian,
) -> Callable[[ProjectedHamiltonian, Folding], SelfEnergyMaps | PlaneWaveMaps]:
    return PlaneWaveMaps.build if problem.basis == "plane waves" else SelfEnergyMaps.build
