"""Quantum geometry of a group of bands: the geometric tensor, its bounds, and quantities of the whole zone.

Q_ab = <d_a u|(1 - P)|d_b u>, g = Re Q, Omega = -2 Im Q_xy. Q is positive semi-definite, hence
tr g >= |Omega| and det g >= Omega^2/4 at every momentum; the lowest Landau level saturates both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import require
from moire.grids import KPath, MomentumGrid
from moire.topology.berry import group_states, overlap_matrices
from moire.topology.isolation import check_isolated
from moire.topology.kubo import covariant_derivatives

# Grid steps b_1/N1, b_2/N2 and their difference: three directions determine a symmetric 2 x 2 metric.
LINK_STEPS = ((1, 0), (0, 1), (1, -1))


@checked
@dataclass(frozen=True, eq=False)
class QuantumGeometry(Shown):
    """Quantum geometric tensor of a group of bands, as maps and as values of the whole zone.

    Parameters
    ----------
    momenta
        Grid or path; the values of the zone need a grid, the maps do not.
    tensor
        Q_ab^mn = <D_a u_m|D_b u_n> in nm^2, (k, a, b, m, n); gauge-covariant, its trace over m = n invariant.
    zone_area
        Area of the zone in 1/nm^2.
    band_indices, flavour
        Group of bands and flavour index.
    """

    momenta: MomentumGrid | KPath
    tensor: ComplexArray = field(repr=False)
    zone_area: float
    band_indices: tuple[int, ...]
    flavour: int

    @property
    def metric(self) -> FloatArray:
        """Quantum metric g_ab = Re tr Q_ab in nm^2, (k, 2, 2)."""
        metric: FloatArray = np.einsum("kabnn->kab", self.tensor).real
        return metric

    @property
    def curvature(self) -> FloatArray:
        """Berry curvature Omega = -2 Im tr Q_xy in nm^2, (k,)."""
        curvature: FloatArray = -2 * np.einsum("knn->k", self.tensor[:, 0, 1]).imag
        return curvature

    @property
    def non_abelian_curvature(self) -> ComplexArray:
        """Berry curvature matrix Omega^mn = i (Q_xy - Q_yx)^mn in nm^2, Hermitian, (k, m, n)."""
        return 1j * (self.tensor[:, 0, 1] - self.tensor[:, 1, 0])

    @property
    def trace(self) -> FloatArray:
        """Trace of the metric in nm^2, (k,)."""
        trace: FloatArray = np.einsum("kaa->k", self.metric)
        return trace

    @property
    def determinant(self) -> FloatArray:
        """Determinant of the metric in nm^4, (k,)."""
        determinant: FloatArray = np.linalg.det(self.metric)
        return determinant

    @property
    def trace_condition(self) -> FloatArray:
        """Map tr g - |Omega| >= 0 in nm^2, (k,); zero in an ideal band."""
        return self.trace - np.abs(self.curvature)

    @property
    def determinant_condition(self) -> FloatArray:
        """Map 2 sqrt(det g) - |Omega| >= 0 in nm^2, (k,); zero in a two-level group of any anisotropy."""
        return 2 * np.sqrt(np.maximum(self.determinant, 0.0)) - np.abs(self.curvature)

    def _zone_average(self, values: FloatArray) -> float:
        require(isinstance(self.momenta, MomentumGrid), "bands", "be solved on a MomentumGrid", found="are on a KPath")
        return float(values.mean())

    def _integral(self, values: FloatArray) -> float:
        return self._zone_average(values) * self.zone_area / (2 * np.pi)

    @property
    def chern(self) -> float:
        """(1/2 pi) int Omega; tends to the integer exponentially with the mesh."""
        return self._integral(self.curvature)

    @property
    def quantum_weight(self) -> float:
        """K = (1/2 pi) int tr g >= |C|: the weight of optical absorption, of the group filled or emptied alone."""
        return self._integral(self.trace)

    @property
    def quantum_volume(self) -> float:
        """(1/2 pi) int 2 sqrt(det g), between |C| and K."""
        return self._integral(2 * np.sqrt(np.maximum(self.determinant, 0.0)))

    @property
    def trace_violation(self) -> float:
        """T = (1/2 pi) int tr g - |C|; zero in an ideal band."""
        return self.quantum_weight - abs(self.chern)

    @property
    def determinant_violation(self) -> float:
        """(1/2 pi) int 2 sqrt(det g) - |C|, the anisotropy-blind part of T."""
        return self.quantum_volume - abs(self.chern)

    @property
    def curvature_fluctuation(self) -> float:
        """sigma_F: standard deviation of Omega A_BZ / 2 pi over the zone; zero in a Landau level."""
        return float(np.sqrt(self._zone_average((self.curvature * self.zone_area / (2 * np.pi) - self.chern) ** 2)))

    @property
    def ideality(self) -> float:
        """|C| / K in [0, 1], one if and only if the band is ideal: T weighted by the Chern number, K = |C| + T.

        It compares bands of different Chern number, whereas T grows with |C|; it is zero in a trivial band,
        and NaN where K vanishes.
        """
        return abs(self.chern) / self.quantum_weight if self.quantum_weight > 0 else float("nan")

    def __str__(self) -> str:
        bands = ",".join(map(str, self.band_indices))
        if not isinstance(self.momenta, MomentumGrid):
            return f"quantum geometry of bands [{bands}] at {self.momenta.n_points} momenta of a path"
        return (
            f"quantum geometry of bands [{bands}] on {self.momenta.name}: C = {Number(self.chern):+.5f}, "
            f"K = {Number(self.quantum_weight):.5f}, T = {Number(self.trace_violation):.5f}, "
            f"sigma_F = {Number(self.curvature_fluctuation):.4f}, ideality = {Number(self.ideality):.4f}, "
            f"smallest tr g - |Omega| = {self.trace_condition.min():.3g} nm^2"
        )


@checked
def quantum_geometry(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> QuantumGeometry:
    """Quantum geometric tensor of a group of bands, from perturbation theory at each momentum.

    Parameters
    ----------
    bands
        Band structure on a grid or path.
    band_indices
        The group; its bands may touch each other. Geometry of a filled set of bands is that of its projector,
        and equals that of the empty rest.
    flavour
        Flavour index.

    Returns
    -------
    QuantumGeometry
        Maps, and on a grid the values of the zone.

    Raises
    ------
    InputError
        If a band was not kept or the group touches another band.

    References
    ----------
    Provost and Vallee, Comm. Math. Phys. 76, 289 (1980); Ma, Chen, Fan and Liu, Phys. Rev. B 81, 245129
    (2010) for the non-Abelian tensor. Trace and determinant conditions: Roy, Phys. Rev. B 90, 165139 (2014);
    Ozawa and Mera, Phys. Rev. B 104, 045103 (2021) for the volume. Quantum weight: Onishi and Fu,
    Phys. Rev. X 14, 011052 (2024).
    """
    derivatives = covariant_derivatives(bands, band_indices, flavour)
    tensor = np.einsum("kami,kbni->kabmn", derivatives.conj(), derivatives, optimize=True)
    return QuantumGeometry(
        bands.momenta,
        read_only(tensor),
        bands.models[flavour].lattice.zone_area,
        tuple(int(index) for index in band_indices),
        flavour,
    )


@checked
def metric_from_links(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> FloatArray:
    """Quantum metric from finite overlaps, an independent route without derivatives of H or linear systems.

    N - ||<u_m(k)|u_n(k + dk)>||^2 = g_ab dk_a dk_b + O(dk^3) along the three shortest steps of the grid. Each is
    averaged over the links before and after k, which makes the error even: O(dk^2) at every point.

    Returns
    -------
    FloatArray
        g_ab in nm^2, (k, 2, 2).

    Raises
    ------
    InputError
        If the grid is not regular, a band was not kept, or the group touches another band.

    References
    ----------
    Marzari and Vanderbilt, Phys. Rev. B 56, 12847 (1997), Eq. (23), the gauge-invariant spread.
    """
    indices = check_isolated(bands, band_indices, flavour)
    states, model = group_states(bands, indices, flavour), bands.models[flavour]
    distances = []
    for step in LINK_STEPS:
        overlaps = overlap_matrices(states, model, step)
        ahead = len(indices) - np.sum(np.abs(overlaps) ** 2, axis=(2, 3))
        distances.append((ahead + np.roll(ahead, step, axis=(0, 1))) / 2)
    first, second, difference = (distance.ravel() for distance in distances)
    mixed = (first + second - difference) / 2
    reduced = np.stack([np.stack([first, mixed], axis=-1), np.stack([mixed, second], axis=-1)], axis=-2)
    # reduced_ij = s_ia g_ab s_jb with the rows of s the steps b_i/N_i in 1/nm.
    steps = np.linalg.inv(model.lattice.reciprocal / np.array(bands.grid.moduli)[:, None])
    metric: FloatArray = read_only(steps @ reduced @ steps.T)
    return metric
