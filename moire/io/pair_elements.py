"""The pair form of a Hamiltonian as a list of elements, and its HDF5 record, written and read."""

from __future__ import annotations

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire.errors import FileFormatError, require
from moire.exact_diagonalization import PairHamiltonian, PairTable
from moire.grids import MomentumGrid
from moire.io.grids import grid_datasets, lattice_datasets, read_grid
from moire.io.hdf5 import Dataset, Record
from moire.orbitals import Orbitals

HERMITICITY = 1e-9  # relative; files written here are Hermitian to the last bit


def hamiltonian_record(pair_hamiltonian: PairHamiltonian) -> Record:
    """Record of the one- and two-body elements, for :func:`moire.io.write_record`; its layout is documented.

    Raises
    ------
    InputError
        If the Hamiltonian is particle-hole transformed.
    """
    check_carriers(pair_hamiltonian)
    grid = pair_hamiltonian.pairs.grid
    creators, annihilators, values = elements(pair_hamiltonian)
    element, ends = ("element",), ("element", "of the pair")
    return Record(
        "hamiltonian",
        {
            **lattice_datasets(grid.lattice),
            **grid_datasets(grid, "cluster"),
            "hamiltonian/constant": Dataset(pair_hamiltonian.constant, "meV", (), "constant"),
            "hamiltonian/one_body": Dataset(pair_hamiltonian.levels, "meV", ("k",), "e_k of e_k c^+_k c_k"),
            "hamiltonian/creators": Dataset(creators, "", ends, "a_1 < a_2 of A c^+_a1 c^+_a2 c_b2 c_b1"),
            "hamiltonian/annihilators": Dataset(annihilators, "", ends, "b_1 < b_2 of A c^+_a1 c^+_a2 c_b2 c_b1"),
            "hamiltonian/elements": Dataset(values, "meV", element, "A, the whole antisymmetrised sum"),
        },
    )


def read_hamiltonian(record: Record) -> PairHamiltonian:
    """Hamiltonian from a ``"hamiltonian"`` record.

    Raises
    ------
    FileFormatError
        If the record is of another kind, or its Hamiltonian is not Hermitian or does not conserve momentum.
    """
    if record.kind != "hamiltonian":
        raise FileFormatError(f"`record` must be of kind 'hamiltonian', but is of kind {record.kind!r}.")
    grid = read_grid(record, "cluster")
    pairs = np.concatenate([record["hamiltonian/creators"], record["hamiltonian/annihilators"]], axis=1)
    energies, values = record["hamiltonian/one_body"], record["hamiltonian/elements"]
    return assemble(grid, energies, pairs, values, float(record["hamiltonian/constant"]), "record")


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
    grid: MomentumGrid,
    one_body: FloatArray,
    orbitals: IntArray,
    values: ComplexArray,
    constant: float,
    source: object,
) -> PairHamiltonian:
    """Sum terms value c^+_1 c^+_2 c_4 c_3 (`orbitals` holds 1, 2, 3, 4) into the pair form."""
    pairs = PairTable(Orbitals(grid))
    exists = (orbitals[:, 0] != orbitals[:, 1]) & (orbitals[:, 2] != orbitals[:, 3])
    orbitals, values = orbitals[exists], values[exists]
    first, second = pairs.index[orbitals[:, 0], orbitals[:, 1]], pairs.index[orbitals[:, 2], orbitals[:, 3]]
    if (pairs.momentum[first] != pairs.momentum[second]).any():
        raise FileFormatError(f"`{source}` must conserve momentum on {grid.name}, but has elements that do not.")
    sign = np.where((orbitals[:, 0] < orbitals[:, 1]) == (orbitals[:, 2] < orbitals[:, 3]), 1, -1)
    blocks = np.zeros(int(pairs.block_start[-1]), dtype=np.complex128)
    np.add.at(blocks, pairs.block_start[first] + second - pairs.range[first, 0], sign * values)
    row, column = pairs.elements()
    transposed = blocks[pairs.block_start[column] + row - pairs.range[column, 0]]
    error = float(np.abs(blocks - transposed.conj()).max(initial=0.0))
    if error > HERMITICITY * float(np.abs(blocks).max(initial=0.0)):
        raise FileFormatError(
            f"`{source}` must hold a Hermitian Hamiltonian, but holds one that is {error:.1e} meV off."
        )
    return PairHamiltonian(pairs, read_only(pairs.orbitals.matrix(np.asarray(one_body))), read_only(blocks), constant)
