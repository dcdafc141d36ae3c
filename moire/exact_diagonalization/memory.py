"""Memory of the largest sector of a spectrum, checked before anything is enumerated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import comb

from moire._types import checked
from moire.errors import InputError
from moire.exact_diagonalization.eigensolvers import choose_lanczos, is_dense, n_arpack_vectors, vector_bytes
from moire.exact_diagonalization.halves import HalfSizes, check_words
from moire.exact_diagonalization.hamiltonian import SectorHamiltonian, Storage
from moire.exact_diagonalization.pair_product import PairProduct
from moire.exact_diagonalization.sectors import basis_bytes, largest_sectors, sector_dimensions
from moire.exact_diagonalization.settings import Solver, SpectrumSettings
from moire.exact_diagonalization.truncation import Truncation
from moire.orbitals import MAX_ORBITALS, Numbers, Orbitals
from moire.resources import fits_in_memory, human_bytes, logger, reserve

_MOST_PROMOTED, _FEW_VECTORS = 3, 30  # what a refusal tries, and vectors of a short Lanczos run with accumulators


@dataclass(frozen=True)
class SectorMemory:
    """Bytes of one sector: basis with half tables, products, and vectors of the solver.

    ``is_stored`` says whether products use a stored matrix.
    """

    basis: float
    products: float
    vectors: float
    is_stored: bool

    @property
    def total(self) -> float:
        """Total memory in bytes."""
        return self.basis + self.products + self.vectors

    def __str__(self) -> str:
        kind = "the stored matrix" if self.is_stored else "matrix-free products"
        return (
            f"{human_bytes(self.total)} in all: {human_bytes(self.basis)} of basis, {human_bytes(self.products)} for "
            f"{kind}, {human_bytes(self.vectors)} of vectors"
        )


def sector_memory(
    n_orbitals: int,
    n_particles: int | Numbers,
    dimension: int,
    n_eigenstates: int,
    storage: Storage = "auto",
    solver: Solver = "auto",
    sizes: HalfSizes | None = None,
    n_momenta: int | None = None,
) -> SectorMemory:
    """Memory of one sector, with as many Krylov vectors as fit, or the fewest that Lanczos needs.

    Parameters
    ----------
    n_orbitals, n_particles, dimension
        Of the sector; particles of each flavour, or an integer for the only one.
    n_eigenstates
        Levels wanted.
    storage, solver
        As in :func:`solve_all_sectors`.
    sizes
        Of the halves under a truncation.
    n_momenta
        Momenta of the cluster; by default all orbitals are those of one band of each flavour.
    """
    wanted = min(n_eigenstates, dimension)
    basis = basis_bytes(n_orbitals, dimension, sizes)
    is_stored = sizes is None and SectorHamiltonian.stores(n_orbitals, n_particles, dimension, storage, n_momenta)
    matrix = SectorHamiltonian.estimated_bytes(n_orbitals, n_particles, dimension, n_momenta)
    total = sum(n_particles) if isinstance(n_particles, tuple) else n_particles
    tables = matrix if is_stored else PairProduct.table_bytes(n_orbitals, total, sizes)
    if is_dense(solver, dimension, wanted):
        products = tables if is_stored else tables + matrix + PairProduct.estimated_bytes(dimension)
        return SectorMemory(basis, products, 48.0 * dimension**2, is_stored)

    def n_bytes(block: int, held: int) -> float:
        return vector_bytes(dimension, 16, is_stored, wanted, block, held)

    block, held = choose_lanczos(dimension, wanted, None, None, n_bytes, basis + tables)
    accumulators = 0.0 if is_stored else PairProduct.estimated_bytes(dimension, block)
    vectors = n_bytes(block, held) - accumulators
    if solver == "arpack":  # followed by block Lanczos, which searches for missed levels next to the vectors found
        vectors = max(
            vectors + 16.0 * dimension * wanted, 16.0 * dimension * (n_arpack_vectors(wanted, dimension) + wanted)
        )
    return SectorMemory(basis, tables + accumulators, vectors, is_stored)


@checked
def check_orbitals(orbitals: Orbitals, numbers: Numbers, truncation: Truncation | None) -> None:
    """Raise InputError if the orbitals do not fit in the words of a state; it names a truncation that would fit."""
    if truncation is not None or orbitals.size <= MAX_ORBITALS or orbitals.n_bands == 1:
        check_words(orbitals, truncation)
        return
    advice = "fewer bands or cells"
    for promoted in range(_MOST_PROMOTED, -1, -1):
        chosen = Truncation(promoted)
        try:
            check_words(orbitals, chosen)
        except InputError:
            break
        sizes = HalfSizes.of(orbitals, chosen)
        if not fits_in_memory(2 * basis_bytes(orbitals.size, 0, sizes)):  # and a copy of the words while they are made
            continue
        largest = int(sector_dimensions(orbitals, numbers, chosen).max())
        vectors = 16.0 * _FEW_VECTORS * largest
        if fits_in_memory(basis_bytes(orbitals.size, largest, sizes) + vectors):
            advice = f"max_promoted = {promoted}"
            break
    raise InputError(
        f"`cluster` must have at most {MAX_ORBITALS} orbitals without a truncation, but has {orbitals.size} "
        f"({orbitals}); {advice} would fit."
    )


def reserve_sectors(
    orbitals: Orbitals,
    numbers: Numbers,
    dimensions: list[int],
    n_eigenstates: int,
    settings: SpectrumSettings,
    keep_vectors: bool,
    truncation: Truncation | None = None,
) -> None:
    """Reserve the memory of the largest of some sectors, and of the vectors kept of all.

    Parameters
    ----------
    orbitals, numbers
        The orbitals, and the particles of each flavour in the largest sector.
    dimensions
        Of all sectors.
    n_eigenstates, settings, keep_vectors, truncation
        As in :func:`solve_all_sectors`.

    Raises
    ------
    MemoryRefusedError
        If it does not fit; the message names levels, bands, particles and clusters that would.
    """
    size, n_particles, largest = orbitals.size, sum(numbers), max(dimensions)
    sizes = None if truncation is None else HalfSizes.of(orbitals, truncation)

    def needed(
        n_orbitals: int, particles: int | Numbers, dimension: int, levels: int, n_momenta: int = orbitals.grid.n_points
    ) -> SectorMemory:
        return sector_memory(
            n_orbitals, particles, dimension, levels, settings.storage, settings.solver, sizes, n_momenta
        )

    memory = needed(size, numbers, largest, n_eigenstates)
    kept = 16.0 * n_eigenstates * sum(dimensions) if keep_vectors else 0.0
    advice = ""
    if not fits_in_memory(memory.total + kept):
        advice = (
            "fewer promoted particles would fit"
            if truncation
            else _would_fit(orbitals, numbers, largest, n_eigenstates, lambda *sector: needed(*sector).total)
        )
    what = f"A sector of dimension {largest} ({n_particles} particles in {size} orbitals, {n_eigenstates} levels)"
    reserve(what + (" with the vectors kept of all" if kept else ""), memory.total + kept, advice)
    logger.info("%d sectors of dimension up to %d, one at a time; %s.", len(dimensions), largest, memory)


def _would_fit(
    orbitals: Orbitals,
    numbers: Numbers,
    largest: int,
    n_eigenstates: int,
    needed: Callable[..., float],
) -> str:
    """Advice in the error message: fewer levels, bands or particles, or a smaller cluster at the same filling."""
    size, n_particles, grid = orbitals.size, sum(numbers), orbitals.grid
    filling, options = Fraction(n_particles, size), []
    for levels in range(n_eigenstates - 1, 0, -1):
        if fits_in_memory(needed(size, numbers, largest, levels)):
            options.append(f"{levels} levels")
            break
    for n_bands in range(orbitals.n_bands - 1, 0, -1):
        fewer = replace(orbitals, n_bands=n_bands)
        if max(numbers) <= fewer.per_flavour:
            dimension = int(sector_dimensions(fewer, numbers).max())
            if fits_in_memory(needed(fewer.size, numbers, dimension, n_eigenstates)):
                options.append(f"{n_bands} {'band' if n_bands == 1 else 'bands'} of each valley")
                break
    if orbitals.n_flavours == 1:
        by_number = largest_sectors(orbitals)
        for particles in range(min(n_particles, len(by_number)) - 1, 0, -1):
            if fits_in_memory(needed(size, particles, int(by_number[particles]), n_eigenstates)):
                options.append(f"{particles} particles on {grid.name}")
                break
    cells_each = orbitals.n_flavours * orbitals.n_bands
    for cells in range(grid.n_points - 1, 3, -1):
        count = filling * cells * cells_each
        if count.denominator == 1:
            dimension = -(-comb(cells * cells_each, int(count)) // cells)
            if fits_in_memory(needed(cells * cells_each, int(count), dimension, n_eigenstates, cells)):
                options.append(f"a cluster of {cells} cells at this filling")
                break
    return " or ".join(options or ["a smaller cluster with fewer levels"]) + " would fit"
