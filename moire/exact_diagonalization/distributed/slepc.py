"""Lowest levels of one sector by SLEPc, a second and independent eigensolver over ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from moire.errors import MoireError
from moire.exact_diagonalization.distributed.product import DistributedProduct
from moire.exact_diagonalization.eigensolvers import SectorSolution
from moire.exact_diagonalization.settings import EigensolverSettings
from moire.linalg.vectors import VectorSpace


class _Shell:
    """H as PETSc calls it."""

    def __init__(self, product: DistributedProduct) -> None:
        self._product = product

    def mult(self, matrix: Any, x: Any, y: Any) -> None:
        """Set y = H x."""
        del matrix
        y.setArray(self._product(x.getArray(readonly=True).reshape(-1, 1)).reshape(-1))


def solve_with_slepc(
    product: DistributedProduct,
    space: VectorSpace,
    n_eigenstates: int,
    settings: EigensolverSettings,
    communicator: Any,
) -> SectorSolution:
    """Lowest eigenpairs by the Krylov-Schur method of SLEPc, with residuals measured here.

    Further states of degenerate levels are not searched for, as :func:`solve_distributed` does.

    Parameters
    ----------
    product
        Products over the ranks.
    space
        Space of the vectors, see :func:`distributed_space`.
    n_eigenstates
        Levels wanted.
    settings
        Tolerance, Krylov vectors, restarts.
    communicator
        MPI communicator, of the MPI with which SLEPc was built.

    Raises
    ------
    MoireError
        If slepc4py is missing, or was built for real numbers.

    References
    ----------
    Hernandez, Roman and Vidal, ACM Trans. Math. Softw. 31, 351 (2005).
    """
    try:
        from petsc4py import PETSc
        from slepc4py import SLEPc
    except ImportError as error:
        raise MoireError(f"SLEPc must be there for this solver ({error}); install the extra 'slepc'.") from None
    if not np.issubdtype(PETSc.ScalarType, np.complexfloating):
        raise MoireError("PETSc must be built for complex numbers, but this one is for real ones.")
    sizes = ((space.held, space.dimension),) * 2
    matrix = PETSc.Mat().createPython(sizes, _Shell(product), comm=communicator)
    solver = SLEPc.EPS().create(comm=communicator)
    solver.setOperators(matrix)
    solver.setProblemType(SLEPc.EPS.ProblemType.HEP)
    solver.setWhichEigenpairs(SLEPc.EPS.Which.SMALLEST_REAL)
    solver.setDimensions(n_eigenstates, settings.n_krylov or PETSc.DECIDE)
    solver.setConvergenceTest(SLEPc.EPS.Conv.ABS)
    solver.setTolerances(settings.tolerance_mev, settings.max_restarts)
    solver.solve()
    n_found = min(int(solver.getConverged()), n_eigenstates)
    vectors, energies, pair = space.empty(n_found), np.empty(n_found), matrix.createVecRight()
    for level in range(n_found):
        energies[level] = solver.getEigenpair(level, pair).real
        vectors[level] = pair.getArray(readonly=True)
    misses = [
        product(vector[:, None])[:, 0] - energy * vector for energy, vector in zip(energies, vectors, strict=True)
    ]
    residuals = np.array([space.norm(miss) for miss in misses])
    converged = n_found == n_eigenstates and bool(np.all(residuals <= settings.tolerance_mev))
    reason = f"SLEPc found {n_found} of {n_eigenstates} levels in {solver.getIterationNumber()} restarts"
    return SectorSolution(energies, vectors, residuals, converged, reason, "slepc", product.cost.n_vectors)
