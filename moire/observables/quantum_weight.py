"""The quantum weight of a many-body state: the curvature of the full structure factor at q = 0, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._text import Number
from moire.errors import require
from moire.observables.structure_factor import StructureFactor
from moire.projection import ProjectedHamiltonian
from moire.topology import quantum_geometry

MIN_TRANSFERS = 12
N_COEFFICIENTS = 4


@dataclass(frozen=True, eq=False)
class QuantumWeight:
    """K = tr K_ab with the full (N/A) S(q) = K_ab q_a q_b / 2 pi + O(q^4).

    Parameters
    ----------
    tensor
        K_ab of the full density, (2, 2), from the transfers nearest zero.
    remote
        Part of the transitions to other bands, (2 pi / A) sum_k n_k tr g(k), exact from the quantum metric.
    remote_fitted
        The same from the fit of sum_k n_k [1 - |lambda_q(k)|^2]: its error is that of the fit.
    band_weight
        nu (1/2 pi) int tr g over the momenta of the cluster: `remote` for a uniform n(k).
    hall_bound
        nu |C| <= K, the bound of an incompressible state with the Hall conductivity nu C of its band.
    largest_q
        Largest |q| of the fit in units of |G_1|.
    residual
        Root-mean-square error of the fit of the full 2 pi S(q) / q^2 N / A.
    """

    tensor: FloatArray = field(repr=False)
    remote: float
    remote_fitted: float
    band_weight: float
    hall_bound: float
    largest_q: float
    residual: float

    @property
    def value(self) -> float:
        """K."""
        return float(np.trace(self.tensor))

    @property
    def within_band(self) -> float:
        """Part of the transitions within the band; zero in a Landau level, where the projected S(q) grows as q^4."""
        return self.value - self.remote_fitted

    def __str__(self) -> str:
        return (
            f"quantum weight K = {Number(self.value):.4f} from |q| <= {Number(self.largest_q):.3f} |G_1| (fit to "
            f"{self.residual:.1e}): "
            f"{Number(self.within_band):.4f} inside the band, {Number(self.remote_fitted):.4f} to other bands "
            f"(exact {Number(self.remote):.4f}, nu tr g / 2 pi {Number(self.band_weight):.4f}); bound nu |C| = "
            f"{Number(self.hall_bound):.4f}"
        )


def quantum_weight(
    structure: StructureFactor, problem: ProjectedHamiltonian, n_transfers: int = MIN_TRANSFERS
) -> QuantumWeight:
    """Quantum weight of a manifold from its full structure factor at small q.

    Fits 2 pi (N/A) S(q) = K_ab q_a q_b + c q^4 with weights 1/q^2, S(q) the full one, to the shortest transfers; the
    cluster is too small for a limit, so the error is that of the quartic term: compare `remote_fitted` and `remote`.

    Parameters
    ----------
    structure
        Structure factor.
    problem
        The Hamiltonian of the structure factor, for the quantum metric of the band.
    n_transfers
        Number of transfers of the fit; those as long as the last one are added.

    Raises
    ------
    InputError
        If the two do not share a cluster, or the transfers are too few for the fit.

    References
    ----------
    Onishi and Fu, arXiv:2406.18654: K >= |C| for the structure factor of an interacting state.
    """
    grid = structure.grid
    require(
        problem.grid.same_cluster(grid),
        "problem",
        "live on the cluster of the structure factor",
        found="lives on another",
    )
    vectors = structure.transfers.vectors
    modulus = np.linalg.norm(vectors, axis=1)
    most = len(vectors) - 1
    require(MIN_TRANSFERS <= n_transfers <= most, "n_transfers", f"lie in {MIN_TRANSFERS}..{most}", n_transfers)
    reach = np.sort(modulus)[n_transfers] * (1 + 1e-9)  # q = 0 is the shortest
    short = (modulus > 0) & (modulus <= reach)
    tensor, residual = _fit(vectors[short], structure.full[short], structure.n_carriers / problem.area_nm2)
    remote, _ = _fit(vectors[short], structure.remote[short], structure.n_carriers / problem.area_nm2)
    geometry = quantum_geometry(problem.bands, [0])
    filling = structure.n_carriers / grid.n_points
    return QuantumWeight(
        read_only(tensor),
        float(2 * np.pi / problem.area_nm2 * structure.occupation @ geometry.trace),
        float(np.trace(remote)),
        filling * geometry.quantum_weight,
        filling * abs(round(geometry.chern)),
        float(reach / grid.lattice.reciprocal_length),
        residual,
    )


def _fit(q: FloatArray, values: FloatArray, density: float) -> tuple[FloatArray, float]:
    """K_ab and the root-mean-square error, from the full S(q) per carrier."""
    square = (q**2).sum(axis=1)
    columns = np.stack([q[:, 0] ** 2, 2 * q[:, 0] * q[:, 1], q[:, 1] ** 2, square**2], axis=1) / square[:, None]
    target = 2 * np.pi * density * values / square
    solution, _, rank, _ = np.linalg.lstsq(columns, target)
    require(
        rank == N_COEFFICIENTS,
        "n_transfers",
        "reach transfers in three directions and of two lengths",
        found=f"reaches {len(q)} that do not",
    )
    error = float(np.sqrt(np.mean((columns @ solution - target) ** 2)))
    return np.array([[solution[0], solution[1]], [solution[1], solution[2]]]), error
