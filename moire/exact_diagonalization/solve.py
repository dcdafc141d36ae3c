"""Eigenpairs of one sector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from moire._arrays import ComplexArray
from moire._types import checked
from moire.errors import ConvergenceWarning, require, warn
from moire.exact_diagonalization.eigensolvers import SectorSolution, arpack, dense, is_dense, lanczos
from moire.exact_diagonalization.hamiltonian import SectorHamiltonian
from moire.exact_diagonalization.settings import EigensolverSettings, SpectrumSettings, check_levels

_DEFAULT = EigensolverSettings()


@checked
def solve_sector(
    hamiltonian: SectorHamiltonian,
    n_eigenstates: int,
    settings: EigensolverSettings = _DEFAULT,
    *,
    checkpoint: Path | str | None = None,
    start: ComplexArray | None = None,
) -> SectorSolution:
    """Lowest eigenpairs of one sector.

    Parameters
    ----------
    hamiltonian
        The sector Hamiltonian.
    n_eigenstates
        Levels wanted; capped by the dimension.
    settings
        Solver, tolerance, seed, and options of Lanczos.
    checkpoint
        Name, without ending, of the two files in which Lanczos saves its state at every restart; it resumes from
        them. A sector that is diagonalized densely needs none.
    start
        Vectors (vector, dim) whose span approximates the levels, such as those of a similar Hamiltonian; of Lanczos.
        What counts as converged does not depend on it.

    Raises
    ------
    InputError
        If the sector has no states, or the checkpoint is of another problem.
    MemoryRefusedError
        If the vectors do not fit.
    ConvergenceWarning
        Under ``settings.strict``, if a level does not converge.
    """
    check_levels(n_eigenstates)
    own = not isinstance(settings, SpectrumSettings)
    require(own, "settings", "be EigensolverSettings for one sector", found=f"are {type(settings).__name__}")
    settings.check_used("checkpoint", checkpoint)
    sector, dimension = hamiltonian.sector, hamiltonian.shape[0]
    if start is not None:
        require(start.shape[1:] == (dimension,), "start", f"hold vectors of {dimension} components", start.shape)
    require(dimension > 0, "hamiltonian", "act on a sector with states", found=f"sector {sector.label} has none")
    wanted = min(n_eigenstates, dimension)
    hamiltonian.n_products = 0
    if is_dense(settings.solver, dimension, wanted):
        solution = dense(hamiltonian, wanted, settings)
    elif settings.solver == "arpack":
        solution = arpack(hamiltonian, wanted, settings)
    else:
        solution = lanczos(hamiltonian, wanted, settings, checkpoint, start)
    return replace(with_warning(solution, sector.label, settings), n_products=hamiltonian.n_products)


def with_warning(solution: SectorSolution, label: tuple[int, int], settings: EigensolverSettings) -> SectorSolution:
    """The solution of the sector with this label; a warning, or an error under ``strict``, if it has not converged."""
    if not solution.converged:
        worst = f"largest residual {solution.residuals.max(initial=0.0):.1e} meV"
        message = f"Sector {label}: {solution.stop_reason}; {worst} against {settings.tolerance_mev:.1e}."
        if settings.strict:
            raise ConvergenceWarning(message)
        warn(message, ConvergenceWarning)
    return solution
