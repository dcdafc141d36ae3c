"""The Hamiltonian of one momentum sector as a scipy LinearOperator, matrix-free or stored."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from moire._arrays import ComplexArray
from moire.errors import require
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.sectors import MomentumSector
from moire.kernels import fock
from moire.resources import fits_in_memory, reserve

Storage = Literal["auto", "csr", "matrix-free"]
BYTES_PER_ELEMENT = 20.0  # a complex number and a 32-bit column
STORAGES: tuple[Storage, ...] = ("auto", "csr", "matrix-free")


class SectorHamiltonian(LinearOperator):  # type: ignore[misc]
    """H of one sector; the two kinds of storage give the same numbers.

    Parameters
    ----------
    pair_hamiltonian
        The Hamiltonian in pair form; its constant is not included in products.
    sector
        The basis, of the same species.
    storage
        ``"matrix-free"`` keeps only the diagonal; ``"csr"`` keeps all elements; ``"auto"`` stores
        them when they fit in memory.

    Raises
    ------
    InputError
        If the storage is unknown or the two do not share a cluster.
    MemoryRefusedError
        If the stored matrix does not fit.
    """

    def __init__(self, pair_hamiltonian: PairHamiltonian, sector: MomentumSector, storage: Storage = "auto") -> None:
        require(storage in STORAGES, "storage", f"be one of {', '.join(STORAGES)}", repr(storage))
        require(
            pair_hamiltonian.pairs.grid.same_cluster(sector.grid),
            "sector",
            "live on the cluster of the Hamiltonian",
            sector.grid.name,
        )
        super().__init__(np.dtype(np.complex128), (sector.dimension, sector.dimension))
        self.pair_hamiltonian = pair_hamiltonian
        self.sector = sector
        self.n_products = 0
        pairs = pair_hamiltonian.pairs
        self.diagonal = np.empty(sector.dimension)
        fock.diagonal(
            sector.states, pair_hamiltonian.one_body, pairs.index, pair_hamiltonian.pair_diagonal, self.diagonal
        )
        self._matrix: csr_array | None = None
        if storage != "matrix-free":
            n_entries = self._row_starts()
            n_bytes = BYTES_PER_ELEMENT * n_entries[-1]
            if storage == "csr" or fits_in_memory(3 * n_bytes):
                self._matrix = self._stored(n_entries)

    @staticmethod
    def estimated_bytes(n_orbitals: int, n_particles: int, dimension: int) -> float:
        """Bytes of a stored sector, from the mean number of allowed pairs; good to a few per cent."""
        holes = n_orbitals - n_particles
        free = holes * (holes - 1) / max(1, (n_orbitals - 2) * (n_orbitals - 3))
        per_row = 1 + n_particles * (n_particles - 1) / 2 * (n_orbitals - 2) / 2 * free
        return BYTES_PER_ELEMENT * per_row * dimension

    @property
    def is_stored(self) -> bool:
        """Whether products use a stored matrix."""
        return self._matrix is not None

    def _row_starts(self) -> np.ndarray[Any, Any]:
        pairs = self.pair_hamiltonian.pairs
        entries = np.empty(self.sector.dimension, dtype=np.int64)
        fock.count_row_entries(self.sector.states, pairs.index, pairs.range, pairs.mask, entries)
        return np.concatenate([[0], np.cumsum(entries)])

    def _kernel_arguments(self) -> tuple[Any, ...]:
        pairs, sector = self.pair_hamiltonian.pairs, self.sector
        return (
            *(sector.states, self.diagonal, pairs.index, pairs.range, pairs.mask, pairs.between),
            *(pairs.block_start, self.pair_hamiltonian.blocks, sector.n_low, sector.low_rank, sector.high_offset),
        )

    def _stored(self, row_start: np.ndarray[Any, Any]) -> csr_array:
        n_entries = int(row_start[-1])
        reserve(
            f"Stored matrix of dimension {self.sector.dimension} with {n_entries} elements",
            BYTES_PER_ELEMENT * n_entries,
            "storage 'matrix-free' would fit",
        )
        columns, values = np.empty(n_entries, dtype=np.int32), np.empty(n_entries, dtype=np.complex128)
        fock.fill_rows(*self._kernel_arguments(), row_start, columns, values)
        return csr_array((values, columns, row_start), shape=self.shape)

    def to_csr(self) -> csr_array:
        """Return the matrix with all its elements stored, without the constant."""
        return self._matrix if self._matrix is not None else self._stored(self._row_starts())

    def _matvec(self, x: ComplexArray) -> ComplexArray:
        self.n_products += 1
        vector = np.ascontiguousarray(x, dtype=np.complex128).reshape(-1)
        product = np.empty_like(vector)
        if self._matrix is not None:
            matrix = self._matrix
            fock.csr_product(matrix.indptr, matrix.indices, matrix.data, vector, product)
        else:
            fock.apply(*self._kernel_arguments(), vector, product)
        return product

    def _adjoint(self) -> SectorHamiltonian:
        return self
