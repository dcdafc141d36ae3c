"""Chern numbers from link variables on a closed momentum grid, sewn over the zone edge."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire.bands import BandStructure
from moire.errors import InputError, MeshWarning, require

COARSE_LINK = 0.5


@dataclass(frozen=True, eq=False)
class ChernResult:
    """Chern number of a group of bands, with what is needed to trust it.

    Parameters
    ----------
    value
        (1/2 pi) times the total flux, before rounding.
    flux
        Plaquette fluxes in radians, (n1, n2); the plaquette [i, j] has its lower corner at grid point
        (i, j).
    min_link
        Smallest ``|det|`` of the link overlaps; below 0.5 the grid is too coarse.
    max_flux
        Largest plaquette flux in radians; near pi the branch of the logarithm is uncertain.
    band_indices, flavour, mesh
        What it belongs to.
    """

    value: float
    flux: FloatArray = field(repr=False)
    min_link: float
    max_flux: float
    band_indices: tuple[int, ...]
    flavour: int
    mesh: tuple[int, int]

    @property
    def rounded(self) -> int:
        """Nearest integer."""
        return round(self.value)

    @property
    def is_reliable(self) -> bool:
        """Whether every link exceeds 0.5 and every flux stays below pi/2."""
        return self.min_link > COARSE_LINK and self.max_flux < np.pi / 2

    def __str__(self) -> str:
        trust = "" if self.is_reliable else "  (mesh too coarse)"
        bands = ",".join(map(str, self.band_indices))
        return (
            f"C[{bands}] = {self.value:+.6f} on {self.mesh[0]}x{self.mesh[1]}: smallest link {self.min_link:.3f}, "
            f"largest flux {self.max_flux:.3f} rad{trust}"
        )


def link_determinants(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> ComplexArray:
    """Determinants of <u_m(k)| u_n(k + b_a/N_a)> of a group of bands; shape (2, n1, n2), direction a = 1, 2 first.

    States over the zone edge are the sewn ones, u(k + G) = sew(u(k)).
    """
    grid, model = bands.grid, bands.models[flavour]
    require(grid.is_regular, "grid", "be a regular N1 x N2 grid for link variables", grid.name)
    n1, n2 = grid.moduli
    states = bands.states[flavour][:, list(band_indices)].reshape(n1, n2, len(band_indices), *model.state_shape)
    links = np.empty((2, n1, n2), dtype=np.complex128)
    for axis in (0, 1):
        ahead = np.roll(states, -1, axis=axis)
        last = (slice(None),) * axis + (-1,)
        ahead[last] = model.sew(ahead[last], np.eye(2, dtype=np.int64)[axis])
        links[axis] = np.linalg.det(np.einsum("xymlg,xynlg->xymn", states.conj(), ahead, optimize=True))
    return links


def chern_number(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> ChernResult:
    """Chern number of a group of bands on a closed momentum grid.

    Plaquette flux = -arg of the product of links taken counter-clockwise, so that with
    A = i <u|d u> the Chern number is (1/2 pi) times the total flux.

    Parameters
    ----------
    bands
        Band structure on a regular :class:`MomentumGrid`.
    band_indices
        Bands treated as one non-Abelian group; band 0 is nearest the gap.
    flavour
        Which flavour.

    Returns
    -------
    ChernResult
        Value before rounding, flux map, smallest link and largest flux.

    Raises
    ------
    InputError
        If the grid is not regular, a band was not kept, or a link vanishes.

    Warns
    -----
    MeshWarning
        If a link is below 0.5 or a flux above pi/2.

    References
    ----------
    Fukui, Hatsugai and Suzuki, J. Phys. Soc. Jpn. 74, 1674 (2005).
    """
    indices = bands.check_bands(band_indices)
    require(0 <= flavour < bands.n_flavours, "flavour", f"lie in 0..{bands.n_flavours - 1}", flavour)
    first, second = link_determinants(bands, indices, flavour)
    min_link = float(min(np.abs(first).min(), np.abs(second).min()))
    if min_link < 1e-12:
        raise InputError(f"`grid` must be fine enough for nonzero links, but a link of bands {indices} vanishes.")
    loop = first * np.roll(second, -1, axis=0) * np.roll(first, -1, axis=1).conj() * second.conj()
    flux = -np.angle(loop)
    n1, n2 = bands.grid.moduli
    result = ChernResult(
        float(flux.sum() / (2 * np.pi)),
        read_only(flux),
        min_link,
        float(np.abs(flux).max()),
        indices,
        flavour,
        (n1, n2),
    )
    if not result.is_reliable:
        warnings.warn(f"The mesh is too coarse: {result}.", MeshWarning, stacklevel=2)
    return result
