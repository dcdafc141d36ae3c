"""The quantum weight of a many-body state: the curvature of the full structure factor at q = 0, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import require
from moire.observables.structure_factor import StructureFactor
from moire.projection import ProjectedHamiltonian
from moire.topology import quantum_geometry

MIN_TRANSFERS = 12
N_COEFFICIENTS = 4


@checked
@dataclass(frozen=True, eq=False)
class QuantumWeight(Shown):
    """K = tr K_ab with the full (N/A) S(q) = K_ab q_a q_b / 2 pi + O(q^4).

    Parameters
    ----------
    tensor
        K_ab of the full density, (2, 2), from the transfers nearest zero.
    remote
        Part of the transitions to bands left out, (2 pi / A) sum_k n_k tr g(k), exact from the quantum metric; with
        several bands sum_mn <c^+_m c_n> Q_aa^mn of their geometric tensor replaces n_k tr g.
    remote_fitted
        The same from the fit of N - N_p(q) (:class:`StructureFactor`), with the error of the fit.
    band_weight
        nu (1/2 pi) int tr g over the momenta of the cluster: `remote` for a uniform n(k) of each band.
    hall_bound
        |sum nu_f C_f| <= K over the flavours, the bound of an incompressible state with the Hall conductivity nu_f C_f
        of the first band of each; NaN where a flavour has more than one carrier per cell.
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
            f"{Number(self.within_band):.4f} inside the bands kept, {Number(self.remote_fitted):.4f} to other bands "
            f"(exact {Number(self.remote):.4f}, nu tr g / 2 pi {Number(self.band_weight):.4f}); bound nu |C| = "
            f"{Number(self.hall_bound):.4f}"
        )


@checked
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
        Number of fitted transfers; further ones of the same length as the last are included.

    Raises
    ------
    InputError
        If structure factor and problem have different clusters, or the transfers are too few for the fit.

    References
    ----------
    Onishi and Fu, arXiv:2406.18654: K >= |C| for the structure factor of an interacting state.
    """
    grid = structure.grid
    require(
        problem.grid.same_cluster(grid),
        "problem",
        "have the cluster of the structure factor",
        found="has another",
    )
    vectors = structure.transfers.vectors
    modulus = np.linalg.norm(vectors, axis=1)
    most = len(vectors) - 1
    require(MIN_TRANSFERS <= n_transfers <= most, "n_transfers", f"lie in {MIN_TRANSFERS}..{most}", n_transfers)
    reach = np.sort(modulus)[n_transfers] * (1 + 1e-9)  # q = 0 is the shortest
    short = (modulus > 0) & (modulus <= reach)
    tensor, residual = _fit(vectors[short], structure.full[short], structure.n_carriers / problem.area_nm2)
    remote, _ = _fit(vectors[short], structure.remote[short], structure.n_carriers / problem.area_nm2)
    exact, uniform = _remote(structure, problem)
    return QuantumWeight(
        read_only(tensor),
        exact,
        float(np.trace(remote)),
        uniform,
        _hall_bound(structure, problem),
        float(reach / grid.lattice.reciprocal_length),
        residual,
    )


def _remote(structure: StructureFactor, problem: ProjectedHamiltonian) -> tuple[float, float]:
    """Weight of the transitions to the bands left out, and the same with n(k) of each band replaced by its mean."""
    every = range(problem.bands.n_bands)
    sign = -1 if problem.carrier == "hole" else +1  # holes occupy conj(u)
    exact = uniform = 0.0
    total = np.einsum("fkmm->fkm", structure.density).real.sum()
    for flavour, density in enumerate(structure.density):
        geometry = quantum_geometry(problem.bands, every, flavour)
        tensor = np.einsum("kaamn->kmn", geometry.tensor)
        for m, n in np.ndindex(len(every), len(every)):
            own, term = (np.ascontiguousarray(each) for each in (density[:, n, m], tensor[:, m, n]))
            exact += 2 * np.pi / problem.area_nm2 * own.real.copy() @ term.real.copy()
            if m != n:
                exact -= sign * 2 * np.pi / problem.area_nm2 * own.imag.copy() @ term.imag.copy()
            else:
                filling = structure.n_carriers / structure.grid.n_points * float(own.real.sum() / total)
                uniform += filling * (float(term.real.mean()) * geometry.zone_area / (2 * np.pi))
    return float(exact), uniform


def _hall_bound(structure: StructureFactor, problem: ProjectedHamiltonian) -> float:
    """|sum nu_f C_f| with the Chern numbers of the first bands; NaN where carriers do not fit into these."""
    carriers = np.einsum("fkmm->fkm", structure.density).real.sum(axis=(1, 2))
    fillings = structure.n_carriers / structure.grid.n_points * (carriers / carriers.sum())
    if (fillings > 1 + 1e-9).any():
        return float("nan")
    occupied = [(filling, f) for f, filling in enumerate(fillings) if filling > 1e-9]
    hall = sum(float(filling) * round(quantum_geometry(problem.bands, [0], f).chern) for filling, f in occupied)
    return abs(hall)


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
