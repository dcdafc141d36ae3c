"""Chern numbers from link variables on a momentum grid, closed across the zone boundary by sewing the states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch import BlochModel, check_sewing
from moire.errors import InputError, MeshWarning, require, warn
from moire.topology.isolation import check_isolated

COARSE_LINK = 0.5
LARGE_FLUX = np.pi / 2
VANISHING_LINK = 1e-12
FEWEST_POINTS = 3
SHORT_SIDE_LINK = 0.75  # measured: above, no Haldane model has a wrong number on a side of one or two points


def largest_chern(n_fluxes: int, largest_rad: float = LARGE_FLUX) -> int:
    """Largest |C| that fluxes (or steps of a phase) below `largest_rad` can sum to: 2 pi |C| < n_fluxes largest_rad."""
    return max(math.ceil(n_fluxes * largest_rad / (2 * np.pi) - 1e-9) - 1, 0)


def coarse_link(n_points: int, n_bands: int = 1) -> float:
    """Link below which a mesh is too coarse: 0.5, or with fewer than 3 points on a side 0.75 for each band."""
    return COARSE_LINK if n_points >= FEWEST_POINTS else max(COARSE_LINK, SHORT_SIDE_LINK**n_bands)


@checked
@dataclass(frozen=True, eq=False)
class ChernResult(Shown):
    """Chern number of a group of bands, with the measures of its reliability.

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
        Group of bands, flavour index, and sides (N1, N2) of the grid.
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
    def largest_shown(self) -> int:
        """Largest |C| that the mesh can show with fluxes below pi/2: less than N/4 for N plaquettes."""
        return largest_chern(self.mesh[0] * self.mesh[1])

    @property
    def is_reliable(self) -> bool:
        """Whether every link exceeds 0.5, every flux stays below pi/2, and the mesh could show |C| = 1.

        Where a side has fewer than three points, links must exceed 0.75 to the power of the number of bands.
        """
        fine = self.min_link > coarse_link(min(self.mesh), len(self.band_indices)) and self.max_flux < LARGE_FLUX
        return fine and self.largest_shown >= max(1, abs(self.rounded))

    def __str__(self) -> str:
        trust = "" if self.is_reliable else "  (mesh too coarse)"
        if not self.largest_shown:
            trust = "  (mesh too coarse for any Chern number except 0)"
        bands = ",".join(map(str, self.band_indices))
        return (
            f"C[{bands}] = {Number(self.value):+.6f} on {self.mesh[0]}x{self.mesh[1]}: smallest link "
            f"{Number(self.min_link):.3f}, "
            f"largest flux {Number(self.max_flux):.3f} rad{trust}"
        )


def overlap_matrices(states: ComplexArray, model: BlochModel, step: tuple[int, int]) -> ComplexArray:
    """Overlaps <u_m(k)| u_n(k + step)> of a group of bands on a closed grid, sewn across the zone boundary.

    Parameters
    ----------
    states
        (n1, n2, band, layer, G) on a regular grid.
    model
        Provides u(k + G) = sew(u(k)).
    step
        Number of grid steps along b_1 and b_2.

    Returns
    -------
    ComplexArray
        (n1, n2, m, n).
    """
    shape = states.shape[:2]
    target = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) + np.array(step)
    folded, zone = target % shape, target // shape
    ahead = states[folded[..., 0], folded[..., 1]]
    for reciprocal in np.unique(zone.reshape(-1, 2), axis=0):
        if reciprocal.any():
            crossed = np.all(zone == reciprocal, axis=-1)
            ahead[crossed] = model.sew(ahead[crossed], reciprocal)
    flat = (*states.shape[:3], -1)
    overlaps: ComplexArray = states.conj().reshape(flat) @ ahead.reshape(flat).swapaxes(-1, -2)
    return overlaps


def group_states(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> ComplexArray:
    """States of a group of bands on a regular grid, (n1, n2, band, layer, G).

    Raises
    ------
    InputError
        If the grid is not a regular N1 x N2 one, or `sew` of the model is not that of its H(k).
    """
    grid = bands.grid
    require(grid.is_regular, "grid", "be a regular N1 x N2 grid for link variables", grid.name)
    check_sewing(bands.models[flavour])
    states: ComplexArray = bands.states[flavour][:, list(band_indices)]
    return states.reshape(*grid.moduli, *states.shape[1:])


def chern_of_states(
    states: ComplexArray, model: BlochModel, band_indices: tuple[int, ...], flavour: int = 0
) -> ChernResult:
    """Chern number of any orthonormal states (n1, n2, band, layer, G) on a closed grid; see :func:`chern_number`."""
    first, second = (np.linalg.det(overlap_matrices(states, model, step)) for step in ((1, 0), (0, 1)))
    min_link = float(min(np.abs(first).min(), np.abs(second).min()))
    if min_link < VANISHING_LINK:
        raise InputError(
            f"`grid` must be fine enough for nonzero links, but {weakest_link(first, second)} vanishes for bands "
            f"{band_indices}."
        )
    loop = first * np.roll(second, -1, axis=0) * np.roll(first, -1, axis=1).conj() * second.conj()
    flux = -np.angle(loop)
    result = ChernResult(
        float(flux.sum() / (2 * np.pi)),
        read_only(flux),
        min_link,
        float(np.abs(flux).max()),
        band_indices,
        flavour,
        (states.shape[0], states.shape[1]),
    )
    if not result.is_reliable:
        warn(f"The mesh is too coarse: {result}, weakest at {weakest_link(first, second)}.", MeshWarning)
    return result


def weakest_link(first: ComplexArray, second: ComplexArray) -> str:
    """Say which link along b_1 (`first`) or b_2 (`second`), each (n1, n2), has the smallest modulus."""
    sizes = np.abs(np.stack([first, second]))
    axis, i, j = np.unravel_index(int(np.argmin(sizes)), sizes.shape)
    return f"the link from grid point ({i}, {j}) along b_{axis + 1}"


@checked
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
        Flavour index.

    Returns
    -------
    ChernResult
        Value before rounding, flux map, smallest link and largest flux.

    Raises
    ------
    InputError
        If the grid is not regular, a band was not kept, the group touches another band, or a link vanishes.

    Warns
    -----
    MeshWarning
        If a link is below 0.5, a flux above pi/2, or the mesh could not show |C| = 1.

    References
    ----------
    Fukui, Hatsugai and Suzuki, J. Phys. Soc. Jpn. 74, 1674 (2005).
    """
    indices = check_isolated(bands, band_indices, flavour)
    return chern_of_states(group_states(bands, indices, flavour), bands.models[flavour], indices, flavour)
