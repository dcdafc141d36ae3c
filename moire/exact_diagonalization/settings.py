"""Settings of the eigensolver of one sector, and of a spectrum of many sectors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from moire._shown import Shown
from moire._types import checked
from moire.errors import is_whole, require
from moire.exact_diagonalization.hamiltonian import STORAGES, Storage

Solver = Literal["auto", "lanczos", "arpack", "dense"]
SOLVERS: tuple[Solver, ...] = ("auto", "lanczos", "arpack", "dense")
MOST_LEVELS = 100_000  # the levels of a dense matrix of more rows do not fit in the memory of any machine


@checked
@dataclass(frozen=True, kw_only=True)
class EigensolverSettings(Shown):
    """Settings of the eigensolver of one sector.

    Parameters
    ----------
    solver
        ``"lanczos"`` (thick-restart block Lanczos), ``"arpack"`` (with a search by block Lanczos for levels that it
        missed) or ``"dense"``; ``"auto"`` is dense up to dimension 300 and Lanczos above.
    tolerance_mev
        Largest residual |H v - E v| that counts as converged.
    max_restarts
        Maximum number of restarts of the iterative solvers.
    block_size
        Vectors that Lanczos multiplies at once, 2 by default.
    n_krylov
        Krylov vectors that Lanczos holds; by default about 60, or as many as fit.
    seed
        Seed of the starting vectors, mixed with the particles and the momentum of a sector.
    strict
        Raise instead of warning when a sector does not converge.
    looser_mev
        Residuals that Lanczos reaches instead of `tolerance_mev`, level by level; the last one holds for all levels
        above. A residual r shifts an energy by r**2 over the distance to the next level: 1e-3 meV by about 1e-6 meV.

    Raises
    ------
    InputError
        If a setting is out of range, or is given for a solver that does not use it.
    """

    solver: Solver = "auto"
    tolerance_mev: float = 1e-6
    max_restarts: int = 1000
    block_size: int | None = None
    n_krylov: int | None = None
    seed: int = 0
    strict: bool = False
    looser_mev: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        require(self.tolerance_mev > 0, "tolerance_mev", "be positive (in meV)", self.tolerance_mev)
        require(self.seed >= 0, "seed", "be at least 0", self.seed)
        require(self.solver in SOLVERS, "solver", f"be one of {', '.join(SOLVERS)}", repr(self.solver))
        require(self.max_restarts >= 0, "max_restarts", "be at least 0", self.max_restarts)
        fits = all(value >= self.tolerance_mev for value in self.looser_mev)
        require(fits, "looser_mev", f"be at least the tolerance, {self.tolerance_mev:g}", list(self.looser_mev))
        for name in ("block_size", "n_krylov"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "be at least 1", value)
            self.check_used(name, value)

    def check_used(self, name: str, value: object) -> None:
        """Raise InputError if an option that only Lanczos uses is given for another solver."""
        used = value is None or self.solver in ("auto", "lanczos")
        require(used, name, "be left out with a solver other than 'lanczos', which alone uses it", value)


@checked
@dataclass(frozen=True, kw_only=True)
class SpectrumSettings(EigensolverSettings):
    """Settings of a spectrum: eigensolver, storage, symmetries and checkpoint of its sectors.

    Parameters
    ----------
    storage
        ``"auto"``, ``"csr"`` or ``"matrix-free"``, see :class:`SectorHamiltonian`.
    particle_hole
        Solve for the missing carriers; by default whichever species is in the minority.
    use_symmetry
        Solve only one of several sectors related by rotations of the cluster or time reversal, if H is invariant to
        half the tolerance according to its matrix elements.
    checkpoint
        Folder in which every iteratively solved sector is saved when it is finished and, above 4000 states, at every
        restart: the same call resumes from there and gives the same bits. Any number of spectra may share it.
    progress
        Show progress: a bar on a terminal, and a line a minute otherwise.
    communicator
        MPI communicator whose ranks share every sector above 4000 states, no rank holding all of its rows; all of them
        call the function. This process alone by default.
    """

    storage: Storage = "auto"
    particle_hole: bool | None = None
    use_symmetry: bool = True
    checkpoint: Path | str | None = None
    progress: bool = False
    communicator: Any | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.storage in STORAGES, "storage", f"be one of {', '.join(STORAGES)}", repr(self.storage))
        alone = self.communicator is None
        require(alone or self.solver in ("auto", "lanczos"), "solver", "be 'lanczos' over ranks", repr(self.solver))

    def of_sector(self, bound_mev: float) -> EigensolverSettings:
        """Settings of one sector, with residuals smaller by a bound on the difference from related sectors."""
        own = {field.name: getattr(self, field.name) for field in fields(EigensolverSettings)}
        return EigensolverSettings(**own | {"tolerance_mev": self.tolerance_mev - bound_mev})


def check_levels(n_eigenstates: int) -> None:
    """Raise InputError unless at least one level is requested, and not more than arrays of them can hold."""
    whole = n_eigenstates >= 1 and is_whole(n_eigenstates)
    require(whole, "n_eigenstates", "be an integer of at least 1", n_eigenstates)
    require(n_eigenstates <= MOST_LEVELS, "n_eigenstates", f"be at most {MOST_LEVELS}", n_eigenstates)
