"""The Hamiltonian of one momentum sector as a scipy LinearOperator, matrix-free or stored."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from moire._arrays import ComplexArray, FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization.pair_product import PairProduct
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.sectors import MomentumSector
from moire.kernels import fock
from moire.orbitals import Numbers
from moire.resources import fits_in_memory, reserve

Storage = Literal["auto", "csr", "matrix-free"]
BYTES_PER_ELEMENT = 20.0  # a complex number and a 32-bit column
STORAGES: tuple[Storage, ...] = ("auto", "csr", "matrix-free")
_CHUNK = 1 << 14  # states whose occupations are held at once
STORED_DIMENSION = 4000  # up to this dimension a stored product is faster, see benchmarks/ed.py
STORED_ELEMENTS = 120.0  # of a row; with more of them, in several bands, it never is, see benchmarks/ed_bands.py


def elements_per_row(n_orbitals: int, n_particles: int | Numbers, n_momenta: int | None = None) -> float:
    """Mean number of stored elements in a row, from the chance that a pair of orbitals is free.

    Parameters
    ----------
    n_orbitals
        Orbitals of all flavours.
    n_particles
        Particles of each flavour; an integer for the only one.
    n_momenta
        Momenta of the cluster; by default all orbitals are those of one band of each flavour.
    """
    numbers = n_particles if isinstance(n_particles, tuple) else (n_particles,)
    orbitals = n_orbitals // len(numbers)
    momenta = n_momenta or orbitals
    bands = orbitals / momenta

    def other_pairs(first: float, second: float, splits: float) -> float:
        """Free pairs but one, if orbitals of either kind are free with these chances and Q is split in so many ways."""
        return (splits * bands**2 + (bands - 1) ** 2) * first * second + (bands - 1) * (first + second)

    total = 1.0
    for flavour, number in enumerate(numbers):
        holes = orbitals - number
        chances = holes / max(1, orbitals - 2), max(0, holes - 1) / max(1, orbitals - 3)
        total += number * (number - 1) / 2 * other_pairs(*chances, (momenta - 2) / 2)
        for other in numbers[:flavour]:
            chances = holes / max(1, orbitals - 1), (orbitals - other) / max(1, orbitals - 1)
            total += number * other * other_pairs(*chances, momenta - 1)
    return total


@checked
class SectorHamiltonian(Shown, LinearOperator):  # type: ignore[misc]
    """H of one sector; the two kinds of storage give the same numbers.

    Parameters
    ----------
    pair_hamiltonian
        The Hamiltonian in pair form; its constant is not included in products.
    sector
        The basis, of the same species.
    storage
        ``"matrix-free"`` stores only tables; ``"csr"`` stores all elements; ``"auto"`` stores them up to
        dimension 4000 and 120 elements in a row, where a stored product is faster.
    dtype
        ``complex128``, or ``complex64`` to halve the vectors; sums run in double precision in both.

    Raises
    ------
    InputError
        If the storage or the type is unknown, or Hamiltonian and sector have different orbitals.
    MemoryRefusedError
        If the stored matrix or the accumulators do not fit.
    """

    def __init__(
        self,
        pair_hamiltonian: PairHamiltonian,
        sector: MomentumSector,
        storage: Storage = "auto",
        dtype: DTypeLike = np.complex128,
    ) -> None:
        kind = np.dtype(dtype)
        require(storage in STORAGES, "storage", f"be one of {', '.join(STORAGES)}", repr(storage))
        require(kind in (np.complex64, np.complex128), "dtype", "be complex64 or complex128", kind.name)
        require(
            pair_hamiltonian.orbitals.same_cluster(sector.orbitals),
            "sector",
            f"have the orbitals of the Hamiltonian, {pair_hamiltonian.orbitals}",
            found=f"has {sector.orbitals}",
        )
        super().__init__(kind, (sector.dimension, sector.dimension))
        if sector.n_particles >= 2:
            pair_hamiltonian = pair_hamiltonian.with_diagonal_levels(sector.n_particles)
        self.pair_hamiltonian = pair_hamiltonian
        self.sector = sector
        self.n_products = 0
        self._matrix: csr_array | None = None
        alone = sector.n_particles == 1 and pair_hamiltonian.mixes_bands
        truncated = sector.truncation is not None
        require(
            not (truncated and storage == "csr"), "storage", "be 'matrix-free' or 'auto' under a truncation", "'csr'"
        )
        size, n_momenta = sector.orbitals.size, sector.grid.n_points
        stores = self.stores(size, sector.numbers, sector.dimension, storage, n_momenta)
        if alone or (stores and not truncated):
            self._matrix = self._stored()
        else:
            reserve(
                f"Accumulators of a sector of dimension {sector.dimension}",
                PairProduct.estimated_bytes(sector.dimension),
                "a smaller sector would fit",
            )
            self._product = PairProduct(pair_hamiltonian, sector)

    @staticmethod
    def estimated_bytes(
        n_orbitals: int, n_particles: int | Numbers, dimension: int, n_momenta: int | None = None
    ) -> float:
        """Bytes of a stored sector, see :func:`elements_per_row`; accurate to a few per cent."""
        return BYTES_PER_ELEMENT * elements_per_row(n_orbitals, n_particles, n_momenta) * dimension

    @staticmethod
    def stores(
        n_orbitals: int, n_particles: int | Numbers, dimension: int, storage: Storage, n_momenta: int | None = None
    ) -> bool:
        """Whether the elements of a sector are stored; with ``"auto"``, if it and its rows are small and fit."""
        if storage != "auto":
            return storage == "csr"
        small = elements_per_row(n_orbitals, n_particles, n_momenta) <= STORED_ELEMENTS
        stored = SectorHamiltonian.estimated_bytes(n_orbitals, n_particles, dimension, n_momenta)
        return small and dimension <= STORED_DIMENSION and fits_in_memory(3 * stored)

    @property
    def is_stored(self) -> bool:
        """Whether products use a stored matrix."""
        return self._matrix is not None

    @property
    def n_bytes(self) -> int:
        """Memory of the products in bytes, without the basis and the vectors."""
        if self._matrix is None:
            return self._product.n_bytes
        return int(self._matrix.data.nbytes + self._matrix.indices.nbytes + self._matrix.indptr.nbytes)

    @cached_property
    def diagonal(self) -> FloatArray:
        """Diagonal elements in meV, (dim,)."""
        pairs, values = self.pair_hamiltonian, np.empty(self.sector.dimension)
        if self.sector.truncation is not None:
            weights = np.where(pairs.pairs.index >= 0, pairs.pair_diagonal[pairs.pairs.index], 0.0) / 2
            for start in range(0, len(values), _CHUNK):
                rows = slice(start, start + _CHUNK)
                occupied = self.sector.occupations(rows)
                values[rows] = occupied @ pairs.levels + np.einsum("si,si->s", occupied @ weights, occupied)
            return values
        fock.diagonal(self.sector.states, pairs.levels, pairs.pairs.index, pairs.pair_diagonal, values)
        return values

    def _row_starts(self) -> np.ndarray[Any, Any]:
        pairs = self.pair_hamiltonian.pairs
        entries = np.empty(self.sector.dimension, dtype=np.int64)
        fock.count_row_entries(self.sector.states, pairs.index, pairs.range, pairs.mask, entries)
        return np.concatenate([[0], np.cumsum(entries)])

    def _one_particle(self) -> csr_array:
        """The one-body matrix between the orbitals of a sector of one particle."""
        orbitals = self.sector.orbitals
        occupied = self.sector.occupations(slice(None)).argmax(axis=1)
        flavour, k, band = orbitals.flavour[occupied], orbitals.momentum[occupied], orbitals.band[occupied]
        same = flavour[:, None] == flavour[None]
        return csr_array(
            np.where(same, self.pair_hamiltonian.one_body[flavour[:, None], k[:, None], band[:, None], band[None]], 0)
        )

    def _stored(self) -> csr_array:
        if self.sector.n_particles == 1:
            return self._one_particle()
        if self.sector.truncation is not None:
            reserve(f"Matrix of dimension {self.shape[0]}", 48.0 * self.shape[0] ** 2, "solver 'lanczos' would fit")
            return csr_array(self._product(np.eye(self.shape[0], dtype=np.complex128)))
        row_start = self._row_starts()
        n_entries = int(row_start[-1])
        reserve(
            f"Stored matrix of dimension {self.sector.dimension} with {n_entries} elements",
            BYTES_PER_ELEMENT * n_entries,
            "storage 'matrix-free' would fit",
        )
        pairs, sector = self.pair_hamiltonian.pairs, self.sector
        columns, values = np.empty(n_entries, dtype=np.int32), np.empty(n_entries, dtype=np.complex128)
        fock.fill_rows(
            *(sector.states, self.diagonal, pairs.index, pairs.range, pairs.mask, pairs.between),
            *(pairs.block_start, self.pair_hamiltonian.blocks, sector.n_low, sector.low_rank, sector.high_offset),
            *(row_start, columns, values),
        )
        if n_entries <= np.iinfo(np.int32).max:  # otherwise scipy copies the columns to 64 bits, as the starts have
            row_start = row_start.astype(np.int32)
        return csr_array((values, columns, row_start), shape=self.shape)

    def to_csr(self) -> csr_array:
        """Return the matrix with all its elements stored, without the constant."""
        return self._matrix if self._matrix is not None else self._stored()

    def _matmat(self, x: ComplexArray) -> ComplexArray:
        self.n_products += x.shape[1]
        vectors = np.ascontiguousarray(x, dtype=self.dtype)
        if self._matrix is None:
            return self._product(vectors)
        product = np.empty_like(vectors)
        fock.csr_product(self._matrix.indptr, self._matrix.indices, self._matrix.data, vectors, product)
        return product

    def _matvec(self, x: ComplexArray) -> ComplexArray:
        return self._matmat(x.reshape(-1, 1)).reshape(-1)

    def _adjoint(self) -> SectorHamiltonian:
        return self
