"""The pair form of a Hamiltonian as a list of elements, and its HDF5 record, written and read."""

from __future__ import annotations

import numpy as np

from moire._arrays import ComplexArray, IntArray, read_only
from moire._types import checked
from moire.errors import FileFormatError, require
from moire.exact_diagonalization import PairHamiltonian, PairTable
from moire.io.grids import grid_datasets, lattice_datasets, read_grid
from moire.io.hdf5 import Dataset, Record
from moire.orbitals import Orbitals

HERMITICITY = 1e-9  # relative; files written here are Hermitian to the last bit


@checked
def hamiltonian_record(pair_hamiltonian: PairHamiltonian) -> Record:
    """Record of the one- and two-body elements, for :func:`moire.io.write_record`; its layout is documented.

    Raises
    ------
    InputError
        If the Hamiltonian is particle-hole transformed.
    """
    check_carriers(pair_hamiltonian)
    orbitals, grid = pair_hamiltonian.orbitals, pair_hamiltonian.pairs.grid
    creators, annihilators, values = elements(pair_hamiltonian)
    element, ends, one = ("element",), ("element", "of the pair"), ("orbital",)
    between = {}
    if orbitals.n_bands > 1:
        dims, doc = ("flavour", "k", "m", "n"), "h_mn of h_mn c^+_mk c_nk, its diagonal included"
        between["hamiltonian/one_body_matrix"] = Dataset(pair_hamiltonian.one_body, "meV", dims, doc)
    return Record(
        "hamiltonian",
        {
            **lattice_datasets(grid.lattice),
            **grid_datasets(grid, "cluster"),
            "hamiltonian/constant": Dataset(pair_hamiltonian.constant, "meV", (), "constant"),
            "hamiltonian/flavour": Dataset(orbitals.flavour, "", one, "flavour of each orbital"),
            "hamiltonian/band": Dataset(orbitals.band, "", one, "band of each orbital"),
            "hamiltonian/momentum": Dataset(orbitals.momentum, "", one, "momentum of each orbital, row of the cluster"),
            "hamiltonian/one_body": Dataset(pair_hamiltonian.levels, "meV", one, "e_i of e_i c^+_i c_i"),
            **between,
            "hamiltonian/creators": Dataset(creators, "", ends, "a_1 < a_2 of A c^+_a1 c^+_a2 c_b2 c_b1"),
            "hamiltonian/annihilators": Dataset(annihilators, "", ends, "b_1 < b_2 of A c^+_a1 c^+_a2 c_b2 c_b1"),
            "hamiltonian/elements": Dataset(values, "meV", element, "A, the whole antisymmetrised sum"),
        },
    )


@checked
def read_hamiltonian(record: Record) -> PairHamiltonian:
    """Hamiltonian from a ``"hamiltonian"`` record.

    Raises
    ------
    FileFormatError
        If the record is of another kind, or its Hamiltonian is not Hermitian or does not conserve momentum.
    """
    if record.kind != "hamiltonian":
        raise FileFormatError(f"`record` must be of kind 'hamiltonian', but is of kind {record.kind!r}.")
    orbitals = _orbitals(record)
    pairs = np.concatenate([record["hamiltonian/creators"], record["hamiltonian/annihilators"]], axis=1)
    energies, values = record["hamiltonian/one_body"], record["hamiltonian/elements"]
    one_body = orbitals.matrix(np.asarray(energies))
    if "hamiltonian/one_body_matrix" in record.datasets:
        one_body = np.asarray(record["hamiltonian/one_body_matrix"])
    return assemble(orbitals, one_body, pairs, values, float(record["hamiltonian/constant"]), "record")


def _orbitals(record: Record) -> Orbitals:
    """Orbitals of a record; one band of one flavour in files that name none."""
    grid = read_grid(record, "cluster")
    if "hamiltonian/band" not in record.datasets:
        return Orbitals(grid)
    flavour, band = record["hamiltonian/flavour"], record["hamiltonian/band"]
    orbitals = Orbitals(grid, int(flavour.max()) + 1, int(band.max()) + 1)
    order = (orbitals.flavour, orbitals.band, orbitals.momentum)
    found = (flavour, band, record["hamiltonian/momentum"])
    if not all(map(np.array_equal, order, found)):
        raise FileFormatError(
            "`record` must have its orbitals in the order (band, flavour, momentum), but has them in another."
        )
    return orbitals


def check_carriers(pair_hamiltonian: PairHamiltonian) -> None:
    """Raise InputError if the Hamiltonian is particle-hole transformed."""
    require(
        not pair_hamiltonian.transformed,
        "pair_hamiltonian",
        "be that of the carriers",
        "particle-hole transformed",
    )


def elements(pair_hamiltonian: PairHamiltonian) -> tuple[IntArray, IntArray, ComplexArray]:
    """Orbitals of a and b, (element, 2) each, and A_ab, (element,)."""
    row, column = pair_hamiltonian.pairs.elements()
    members = pair_hamiltonian.pairs.members
    return members[row], members[column], pair_hamiltonian.blocks


def assemble(
    orbitals: Orbitals,
    one_body: ComplexArray,
    members: IntArray,
    values: ComplexArray,
    constant: float,
    source: object,
) -> PairHamiltonian:
    """Sum one_body (flavour, k, band, band) and terms value c^+_1 c^+_2 c_4 c_3 (`members` holds 1, 2, 3, 4)."""
    pairs = PairTable(orbitals)
    exists = (members[:, 0] != members[:, 1]) & (members[:, 2] != members[:, 3])
    members, values = members[exists], values[exists]
    first, second = pairs.index[members[:, 0], members[:, 1]], pairs.index[members[:, 2], members[:, 3]]
    if (pairs.momentum[first] != pairs.momentum[second]).any():
        raise FileFormatError(
            f"`{source}` must conserve momentum on {orbitals.grid.name}, but has elements that do not."
        )
    if (pairs.group[first] != pairs.group[second]).any():
        raise FileFormatError(f"`{source}` must conserve the particles of each flavour, but has elements that do not.")
    sign = np.where((members[:, 0] < members[:, 1]) == (members[:, 2] < members[:, 3]), 1, -1)
    blocks = np.zeros(int(pairs.block_start[-1]), dtype=np.complex128)
    np.add.at(blocks, pairs.block_start[first] + second - pairs.range[first, 0], sign * values)
    row, column = pairs.elements()
    transposed = blocks[pairs.block_start[column] + row - pairs.range[column, 0]]
    error = float(np.abs(blocks - transposed.conj()).max(initial=0.0))
    scale = float(np.abs(blocks).max(initial=0.0))
    error_one = float(np.abs(one_body - one_body.conj().swapaxes(2, 3)).max(initial=0.0))
    if max(error, error_one) > HERMITICITY * max(scale, float(np.abs(one_body).max(initial=0.0))):
        error = max(error, error_one)
        raise FileFormatError(
            f"`{source}` must hold a Hermitian Hamiltonian, but holds one that is {error:.1e} meV off."
        )
    return PairHamiltonian(pairs, read_only(one_body, np.complex128), read_only(blocks), constant)
