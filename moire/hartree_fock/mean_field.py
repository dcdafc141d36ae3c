"""The mean field of a density matrix: Hartree and Fock self-energies and the energy they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire import resources
from moire._arrays import ComplexArray, check_shape
from moire.kernels import exchange
from moire.projection import ProjectedHamiltonian


@dataclass(frozen=True)
class EnergyParts:
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


@dataclass(frozen=True, eq=False)
class MeanField:
    """Fock[P] = h + Hartree[P] - Exchange[P] for P_{(f m),(f' n)}(k) = <c^+_{f'n} c_{fm}>(k).

    Flavour and band make one axis, flavour slow. With L_l(q, k) the form factors,

    Hartree_ff(k) = sum_G sum_ll' V_ll'(G)/A L_l(G, k) rho_l'(-G),  rho_l(G) = sum_fk tr L_l(G, k) P_ff(k),
    Exchange_ff'(k) = sum_q sum_ll' V_ll'(q)/A L_l(q, k, f) P_ff'(k+q) L_l'(q, k, f')^+.

    The sum over umklapps of the exchange is done once: per pair of flavours it becomes a Hermitian matrix of
    dimension N_k (bands)^2 that each build multiplies once. For three bands this takes less memory than
    the form factors and a fortieth of the arithmetic.

    Parameters
    ----------
    problem
        The projected Hamiltonian; its q = 0 rule is applied as it stands.

    Raises
    ------
    MemoryRefusedError
        If the exchange matrices do not fit.
    """

    problem: ProjectedHamiltonian
    one_body: ComplexArray = field(init=False, repr=False)
    _exchange: dict[tuple[int, int], ComplexArray] = field(init=False, repr=False)
    _densities: ComplexArray = field(init=False, repr=False)
    _screened: ComplexArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problem = self.problem
        form, transfers, grid = problem.form_factors.values, problem.form_factors.transfers, problem.grid
        n_flavours, n_bands, n_k = self.n_flavours, self.n_bands, grid.n_points
        n_pairs = n_flavours * (n_flavours + 1) // 2
        per_pair = 16.0 * n_bands**4
        largest = int(np.sqrt(0.9 * resources.available_bytes() / (n_pairs * per_pair)))
        resources.reserve(
            f"The exchange of {n_flavours} x {n_bands} bands on {grid.name}",
            n_pairs * per_pair * n_k**2,
            f"{largest} momenta with these bands, or fewer bands, would fit",
        )
        one_body = np.zeros((n_k, self.dimension, self.dimension), dtype=np.complex128)
        energies = problem.one_body.transpose(1, 0, 2).reshape(n_k, self.dimension)
        np.einsum("kii->ki", one_body)[:] = energies
        first = np.searchsorted(transfers.group_index, np.arange(n_k + 1))
        matrices = {}
        for f in range(n_flavours):
            for g in range(f, n_flavours):
                matrix = np.empty((n_k, n_bands, n_bands, n_k, n_bands, n_bands), dtype=np.complex128)
                exchange.exchange(form[f], form[g], problem.coulomb, first, grid.sum_index, matrix)
                matrices[f, g] = matrix.reshape(n_k * n_bands**2, n_k * n_bands**2)
                if problem.zero_exchange:
                    np.einsum("ii->i", matrices[f, g])[:] += problem.zero_exchange
        local = np.nonzero(transfers.group_index == 0)[0]
        densities = form[:, local].transpose(1, 5, 0, 2, 3, 4)  # (G, layer, flavour, k, m, n)
        n_g, n_layers = densities.shape[:2]
        screened = np.einsum("gab,gbx->gax", problem.coulomb[local], densities.reshape(n_g, n_layers, -1))
        object.__setattr__(self, "one_body", one_body)
        object.__setattr__(self, "_exchange", matrices)
        object.__setattr__(self, "_densities", densities.reshape(n_g * n_layers, -1))
        object.__setattr__(self, "_screened", np.ascontiguousarray(screened.reshape(n_g * n_layers, -1)))

    @property
    def n_flavours(self) -> int:
        """Number of flavours."""
        return self.problem.bands.n_flavours

    @property
    def n_bands(self) -> int:
        """Bands kept per flavour."""
        return self.problem.bands.n_bands

    @property
    def dimension(self) -> int:
        """Orbitals per momentum."""
        return self.n_flavours * self.n_bands

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a density matrix."""
        return self.problem.grid.n_points, self.dimension, self.dimension

    def hartree(self, density_matrix: ComplexArray) -> ComplexArray:
        """Direct self-energy in meV, shape (k, orbital, orbital); diagonal in flavour."""
        n_f, n_b, n_k = self.n_flavours, self.n_bands, self.shape[0]
        blocks = density_matrix.reshape(n_k, n_f, n_b, n_f, n_b)
        own = np.einsum("kfmfn->fknm", blocks)  # P_nm, to pair with the form factor (m, n)
        density = self._densities @ own.reshape(-1)
        field_ = density.conj() @ self._screened  # rho(-G) = rho(G)^*
        self_energy = np.zeros((n_k, n_f, n_b, n_f, n_b), dtype=np.complex128)
        np.einsum("kfmfn->fkmn", self_energy)[:] = field_.reshape(n_f, n_k, n_b, n_b)
        return self_energy.reshape(self.shape)

    def fock(self, density_matrix: ComplexArray) -> ComplexArray:
        """Exchange self-energy in meV, its minus sign included, shape (k, orbital, orbital)."""
        n_f, n_b, n_k = self.n_flavours, self.n_bands, self.shape[0]
        blocks = density_matrix.reshape(n_k, n_f, n_b, n_f, n_b)
        self_energy = np.zeros((n_k, n_f, n_b, n_f, n_b), dtype=np.complex128)
        for (f, g), matrix in self._exchange.items():
            block = np.ascontiguousarray(blocks[:, f, :, g, :])
            if f != g and not block.any():
                continue
            product = -(matrix @ block.reshape(-1)).reshape(n_k, n_b, n_b)
            self_energy[:, f, :, g, :] = product
            if f != g:
                self_energy[:, g, :, f, :] = product.conj().transpose(0, 2, 1)
        return self_energy.reshape(self.shape)

    def interaction(self, density_matrix: ComplexArray) -> ComplexArray:
        """Hartree plus Fock self-energy of a Hermitian P in meV: linear in P, exactly Hermitian."""
        total = self.hartree(density_matrix) + self.fock(density_matrix)
        return (total + total.conj().transpose(0, 2, 1)) / 2

    def __call__(self, density_matrix: ComplexArray) -> ComplexArray:
        """Fock matrix h + Hartree + Fock in meV, shape (k, orbital, orbital)."""
        return self.one_body + self.interaction(density_matrix)

    def energy(self, density_matrix: ComplexArray, fock: ComplexArray | None = None) -> float:
        """Energy of the cluster in meV: tr(h P) + tr(Self-energy P)/2; `fock` spares a build if given."""
        matrix = self(density_matrix) if fock is None else fock
        return overlap(self.one_body + matrix, density_matrix) / 2

    def energy_parts(self, density_matrix: ComplexArray) -> EnergyParts:
        """Energy per cell, split.

        Raises
        ------
        InputError
            If the density matrix has the wrong shape.
        """
        check_shape("density_matrix", density_matrix, self.shape)
        n_k = self.shape[0]
        return EnergyParts(
            overlap(self.one_body, density_matrix) / n_k,
            overlap(self.hartree(density_matrix), density_matrix) / (2 * n_k),
            overlap(self.fock(density_matrix), density_matrix) / (2 * n_k),
        )


def overlap(first: ComplexArray, second: ComplexArray) -> float:
    """Return sum_k tr A(k) B(k) of Hermitian matrices, a real number."""
    return float(np.vdot(first, second).real)
