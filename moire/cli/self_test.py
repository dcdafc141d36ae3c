"""A self-test of a few seconds: numbers of each part of the package against stored ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from moire._text import Number
from moire.bands import BandStructure, solve_bands
from moire.continuum import ContinuumModel, PlaneWaveBasis
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian, solve_sector
from moire.exact_diagonalization.distributed import DistributedProduct, SectorRows
from moire.grids import MomentumGrid
from moire.interaction import ScreenedCoulomb
from moire.lattice import MoireLattice
from moire.parameters import WANG_2023
from moire.projection import project
from moire.topology import chern_number

TOLERANCE = 1e-6
"""Largest difference from a stored number; between machines they differ by 1e-10."""


@dataclass(frozen=True)
class Check:
    """A number, what it should be, and the seconds that it took."""

    name: str
    found: float
    expected: float
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the number is the stored one."""
        return abs(self.found - self.expected) <= TOLERANCE

    def __str__(self) -> str:
        verdict = "ok" if self.passed else f"WRONG, stored is {Number(self.expected):.8f}"
        return f"{self.name:<58} {Number(self.found):16.8f}  {self.seconds:5.2f} s  {verdict}"


@cache
def _bands(n1: int, n2: int) -> BandStructure:
    lattice = MoireLattice.from_twist(3.7, WANG_2023.lattice_constant_nm)
    model = ContinuumModel(WANG_2023, PlaneWaveBasis(lattice, 5))
    return solve_bands(model, MomentumGrid.regular(lattice, n1, n2), n_bands=1)


@cache
def _hamiltonian() -> PairHamiltonian:
    coulomb = ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30)
    return PairHamiltonian.from_problem(project(_bands(3, 5), coulomb, "hole")).particle_hole_transformed()


def _width() -> float:
    energies = _bands(6, 6).energies
    return float(np.ptp(energies))


def _lowest() -> float:
    form = _hamiltonian()
    solution = solve_sector(SectorHamiltonian(form, MomentumSector(form.orbitals, (5,), 0), "matrix-free"), 1)
    return float(solution.energies[0] + form.constant)


def _over_ranks(communicator: Any) -> float:
    """Largest difference of a product over the ranks from that of one process."""
    form = _hamiltonian()
    sector = MomentumSector(form.orbitals, (5,), 0)
    rows = SectorRows(form.orbitals, (5,), 0, communicator.size, communicator.rank)
    x = np.random.default_rng(0).standard_normal((sector.dimension, 2)).view(complex)
    expected = SectorHamiltonian(form, sector, "matrix-free").matmat(x)[rows.held]
    found = DistributedProduct(form, rows, communicator)(x[rows.held])
    return float(max(communicator.allgather(float(np.abs(found - expected).max(initial=0.0)))))


def checks(communicator: Any | None = None) -> list[Check]:
    """Compute every number; all ranks call it.

    The stored ones are those of this version, which tests confirm by independent routes.
    """
    wanted: list[tuple[str, Callable[[], float], float]] = [
        ("width of the top band, 6x6 (meV)", _width, 6.45761362),
        ("Chern number of the top band, 6x6", lambda: chern_number(_bands(6, 6), [0]).value, -1.0),
        ("lowest level of 3x5 at -2/3, momentum (0,0) (meV)", _lowest, -585.05500688),
    ]
    if communicator is not None:
        name = f"product on {communicator.size} ranks minus that of one process"
        wanted.append((name, lambda: _over_ranks(communicator), 0.0))
    found = []
    for name, compute, expected in wanted:
        start = time.perf_counter()
        value = compute()
        found.append(Check(name, value, expected, time.perf_counter() - start))
    return found
