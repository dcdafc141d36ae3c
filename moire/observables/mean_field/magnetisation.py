"""Orbital magnetisation of a Hartree-Fock insulator, by the modern theory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import require
from moire.grids import MomentumGrid
from moire.hartree_fock.interpolation import interpolate_bands
from moire.hartree_fock.mean_field_model import MeanFieldModel
from moire.hartree_fock.result import HartreeFockResult
from moire.topology.kubo import covariant_derivatives
from moire.units import HBAR2_OVER_2ME


@checked
@dataclass(frozen=True, eq=False)
class OrbitalMagnetisation(Shown):
    """Orbital magnetic moment per cell along z, at zero temperature and with the chemical potential in the gap.

    Parameters
    ----------
    at_zero
        Moment of each flavour (of all where they mix) if the chemical potential of the electrons were 0 meV, in Bohr
        magnetons per cell, (flavour,).
    slope
        dM/dmu of each flavour in Bohr magnetons per cell and meV: C of its electrons times the area of the cell times
        e/h.
    chern
        C of the electrons of each flavour from the same integral, (flavour,); its distance from an integer measures
        the error of the mesh.
    gap_edges_mev
        Highest filled and lowest empty electron energy in meV.
    mesh
        Name of the grid of the integral.
    drops_bands
        Whether bands beyond those kept enter H, without mean field; not of a state in plane waves.
    """

    at_zero: FloatArray = field(repr=False)
    slope: FloatArray = field(repr=False)
    chern: FloatArray
    gap_edges_mev: tuple[float, float]
    mesh: str
    drops_bands: bool = True

    def per_cell(self, chemical_potential_mev: float | None = None) -> FloatArray:
        """Moment of each flavour in Bohr magnetons per cell; at mid-gap by default, (flavour,).

        Raises
        ------
        InputError
            If the chemical potential lies outside the gap.
        """
        low, high = self.gap_edges_mev
        mu = (low + high) / 2 if chemical_potential_mev is None else chemical_potential_mev
        require(
            low <= mu <= high,
            "chemical_potential_mev",
            f"lie in the gap, {Number(low):.4f} to {Number(high):.4f} meV",
            mu,
        )
        return np.asarray(self.at_zero + self.slope * mu)

    @property
    def total(self) -> float:
        """Moment of all flavours at mid-gap in Bohr magnetons per cell."""
        return float(self.per_cell().sum())

    @property
    def jump(self) -> float:
        """Change of the total moment across the gap in Bohr magnetons per cell: zero without a Chern number."""
        return float(self.slope.sum() * (self.gap_edges_mev[1] - self.gap_edges_mev[0]))

    def __str__(self) -> str:
        parts = ", ".join(f"{Number(value):+.4f}" for value in self.per_cell())
        chern = ", ".join(f"{Number(value):+.3f}" for value in self.chern)
        return (
            f"orbital moment {Number(self.total):+.4f} mu_B per cell at mid-gap (by flavour {parts}), "
            f"{Number(self.jump):+.4f} from "
            f"the lower to the upper edge of the gap; on {self.mesh}, where C of the electrons is {chern}"
            + ("; dropped bands without mean field" if self.drops_bands else "")
        )


@checked
def orbital_magnetisation(result: HartreeFockResult, mesh: MomentumGrid | None = None) -> OrbitalMagnetisation:
    """Orbital magnetisation of the electrons in the mean field of an insulator.

    For electrons of charge -e that fill all valence states except those of the holes, where a time-reversed pair of
    filled bands has no total moment,

    M = -(e/hbar) Im sum_{n: holes} int d^2k/(2 pi)^2 <D_x u_n| H + E_n - 2 mu |D_y u_n>,  D = (1 - P) d/dk,

    minus the formula of the filled electrons, since electrons and holes together have no moment. Its derivative in
    mu is C e/h of the electrons. H is that of the mean field, exchange included: the energy is stationary, so that
    only the explicit response of the density matrix to the field enters. Bands that were dropped enter H without mean
    field.

    Parameters
    ----------
    result
        An insulator at zero temperature; carriers are holes.
    mesh
        Grid of the integral; that of the state by default.

    Raises
    ------
    InputError
        If the state is not such an insulator.

    References
    ----------
    Thonhauser, Ceresoli, Vanderbilt and Resta, Phys. Rev. Lett. 95, 137205 (2005); Ceresoli, Thonhauser, Vanderbilt
    and Resta, Phys. Rev. B 74, 024408 (2006), Eq. (46); Xiao, Shi and Niu, Phys. Rev. Lett. 95, 137204 (2005).
    """
    problem = result.problem
    require(problem.carrier == "hole", "result", "be a state of holes", found=f"holds {problem.carrier}s")
    require(
        result.gap > 0 and len(result.filled_bands) > 0 and result.temperature_mev == 0,
        "result",
        "be an insulator with filled bands at zero temperature",
        found=f"has a gap of {result.gap:g} meV at k_B T = {result.temperature_mev:g} meV",
    )
    mesh = problem.grid if mesh is None else mesh
    kept = interpolate_bands(result, mesh)
    model = MeanFieldModel(problem.bands.models, result, dropped_bands="bare")
    bands = replace(kept, models=(model,))
    group = list(result.filled_bands)
    derivatives = covariant_derivatives(bands, group)
    n_k, _, n_filled, dimension = derivatives.shape
    n_parts = 1 if result.mixes_valleys else problem.bands.n_flavours
    energy, flux = np.zeros(n_parts), np.zeros(n_parts)
    for i, k in enumerate(mesh.points):
        hamiltonian = model.hamiltonian(k).reshape(n_parts, dimension // n_parts, n_parts, dimension // n_parts)
        x, y = derivatives[i].reshape(2, n_filled, n_parts, dimension // n_parts)
        energies = kept.energies[0, i, group]
        energy += np.einsum("npi,piqj,nqj->p", x.conj(), hamiltonian, y, optimize=True).imag
        energy += np.einsum("npi,n,npi->p", x.conj(), energies, y, optimize=True).imag
        flux += np.einsum("npi,npi->p", x.conj(), y).imag
    # mu_B = e hbar / 2 m_e; the integral over the zone times the area of the cell is the mean over k
    scale = -1 / (n_k * HBAR2_OVER_2ME)
    slope = -2 * scale * flux
    chern = slope * 2 * np.pi * HBAR2_OVER_2ME / problem.grid.lattice.cell_area_nm2
    filled = result.lowest.weights > 0.5
    levels = result.lowest.energies
    edges = (-float(levels[~filled].min()), -float(levels[filled].max()))
    return OrbitalMagnetisation(
        read_only(scale * energy), read_only(slope), read_only(chern), edges, mesh.name, problem.basis == "bands"
    )
