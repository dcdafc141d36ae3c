"""Z2 invariant from the flow of Wannier centres over half the zone; valley and spin Chern numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import InputError, MeshWarning, require, warn
from moire.topology.berry import (
    LARGE_FLUX,
    ChernResult,
    chern_number,
    chern_of_states,
    coarse_link,
    group_states,
)
from moire.topology.isolation import check_isolated
from moire.topology.wilson import continue_phases, wilson_loops

SYMMETRY_TOLERANCE_RAD = 1e-3


@checked
@dataclass(frozen=True, eq=False)
class Z2Result(Shown):
    """Z2 invariant of a time-reversal symmetric group of bands, with the measures of its reliability.

    Parameters
    ----------
    value
        0 or 1.
    phases
        Wilson loop phases of all the flavours together over half the zone, k = 0 to 1/2 of the transverse
        direction, in [0, 2 pi), (loop, band).
    transverse
        Momentum of each loop in units of the transverse reciprocal vector, (loop,).
    gap_centres
        Centre of the largest gap between the phases of each loop, radians in [0, 2 pi), (loop,).
    smallest_gap
        Smallest of these largest gaps in radians.
    max_step
        Largest motion of a phase from one loop to the next, radians.
    min_singular_value
        Smallest singular value of a link, as in :class:`moire.topology.WilsonLoops`.
    asymmetry
        Deviation of the phases from time-reversal symmetry, radians: the largest splitting of a Kramers pair on the
        two invariant lines, or difference between the loops at opposite momenta.
    band_indices, flavours, axis, n_along
        Group of bands, flavour indices, direction of the loops, and number of points of a loop.
    """

    value: int
    phases: FloatArray = field(repr=False)
    transverse: FloatArray = field(repr=False)
    gap_centres: FloatArray = field(repr=False)
    smallest_gap: float
    max_step: float
    min_singular_value: float
    asymmetry: float
    band_indices: tuple[int, ...]
    flavours: tuple[int, ...]
    axis: int
    n_along: int

    @property
    def can_be_odd(self) -> bool:
        """Whether the loops could show Z2 = 1: two phases that part and meet around the circle turn by 2 pi.

        With motions below pi/2 that takes more than two steps over half the zone, hence six loops across the whole.
        """
        return len(self.transverse) - 1 > 2

    @property
    def is_reliable(self) -> bool:
        """Whether singular values exceed 0.5, no phase moves by pi/2 or half a gap in one step, and Z2 = 1 could show.

        A motion of less than half a gap cannot cross a gap centre undetected.
        """
        fine = self.min_singular_value > coarse_link(self.n_along) and self.max_step < min(
            LARGE_FLUX, self.smallest_gap / 2
        )
        return fine and self.can_be_odd

    def __str__(self) -> str:
        trust = "" if self.is_reliable else "  (mesh too coarse)"
        if not self.can_be_odd:
            trust = "  (mesh too coarse for any Z2 except 0)"
        bands = ",".join(map(str, self.band_indices))
        return (
            f"Z2[{bands}] = {self.value} from {len(self.transverse)} loops along b_{self.axis + 1}: "
            f"smallest gap {Number(self.smallest_gap):.3f} rad, largest step {Number(self.max_step):.3f} rad, "
            f"smallest singular value {Number(self.min_singular_value):.3f}, asymmetry {self.asymmetry:.1e} rad{trust}"
        )


@checked
def z2_index(
    bands: BandStructure,
    band_indices: Sequence[int],
    flavours: Sequence[int] | None = None,
    axis: int = 1,
    tolerance_rad: float = SYMMETRY_TOLERANCE_RAD,
) -> Z2Result:
    """Z2 invariant of bands that time reversal maps onto themselves, by the largest-gap method.

    The middle of the largest gap between the Wannier centres is followed over half the zone; the invariant is
    the parity of the number of Wannier centres that it crosses. Flavours that do not mix (two valleys exchanged by time
    reversal) are one group: their loops are a direct sum, and the phases of all are taken together.

    Parameters
    ----------
    bands
        Band structure on a regular :class:`MomentumGrid` with zero boundary phases and an even number of
        points across the loops.
    band_indices
        The group, the same in every flavour.
    flavours
        Flavours of the group; all of them by default.
    axis
        Direction of the loops.
    tolerance_rad
        Phases at opposite momenta must agree, and form pairs on the two invariant lines, within this; the
        plane-wave cutoff splits them a little.

    Raises
    ------
    InputError
        If the grid has no two invariant lines, the number of bands is odd, the bands are not time-reversal
        symmetric, or for the reasons of :func:`moire.topology.wilson_loops`.

    Warns
    -----
    MeshWarning
        If a link is small, a phase moves too far from one loop to the next, or there are too few loops; see
        :attr:`Z2Result.is_reliable`.

    References
    ----------
    Soluyanov and Vanderbilt, Phys. Rev. B 83, 235401 (2011).
    """
    chosen = tuple(range(bands.n_flavours)) if flavours is None else tuple(int(flavour) for flavour in flavours)
    indices = bands.check_bands(band_indices)
    grid = bands.grid
    require(axis in (0, 1), "axis", "be 0 (loops along b_1) or 1 (along b_2)", axis)
    require(grid.is_regular, "grid", "be a regular N1 x N2 grid", grid.name)
    n_loops = grid.moduli[1 - axis]
    require(n_loops % 2 == 0, "grid", "have an even number of points across the loops", found=f"has {n_loops}")
    require(
        grid.boundary_phase[1 - axis] % 1 == 0,
        "grid",
        "have no boundary phase across the loops",
        found=f"has {grid.boundary_phase}",
    )
    require(
        len(indices) * len(chosen) % 2 == 0,
        "band_indices",
        "form Kramers pairs, an even number of states with the flavours",
        list(indices),
    )

    loops = [wilson_loops(bands, indices, flavour, axis) for flavour in chosen]
    closed = np.sort(np.concatenate([loop.phases for loop in loops], axis=1), axis=1)
    phases = closed[: n_loops // 2 + 1]
    asymmetry = _time_reversal_asymmetry(closed)
    if asymmetry > tolerance_rad:
        raise InputError(
            f"`bands` must be time-reversal symmetric in flavours {list(chosen)}, but the Wannier phases of bands "
            f"{list(indices)} at opposite momenta differ by {asymmetry:.3g} rad (a plane-wave cutoff too small does "
            "this too)."
        )
    centres, gaps = zip(*(_largest_gap(row) for row in phases), strict=True)
    passed = sum(
        np.count_nonzero((min(here, there) < row) & (row < max(here, there)))
        for here, there, row in zip(centres, centres[1:], phases[1:], strict=False)
    )
    result = Z2Result(
        int(passed) % 2,
        read_only(phases),
        read_only(loops[0].transverse[: len(phases)]),
        read_only(np.array(centres)),
        float(min(gaps)),
        max(_motion(row, after) for row, after in itertools.pairwise(phases)),
        min(loop.min_singular_value for loop in loops),
        asymmetry,
        indices,
        chosen,
        axis,
        grid.moduli[axis],
    )
    if not result.is_reliable:
        warn(f"The mesh is too coarse: {result}.", MeshWarning)
    return result


def _motion(before: FloatArray, after: FloatArray) -> float:
    """Largest motion of a phase between two loops, each followed to its nearest continuation."""
    return float(np.abs(continue_phases(before, after) - before).max())


def _time_reversal_asymmetry(phases: FloatArray) -> float:
    """Largest splitting of the Kramers pairs at 0 and 1/2, or difference between loops at k and -k."""
    half = len(phases) // 2
    pairs = max(_kramers_splitting(phases[0]), _kramers_splitting(phases[half]))
    return max([pairs] + [_motion(phases[i], phases[-i]) for i in range(1, half)])


def _kramers_splitting(phases: FloatArray) -> float:
    """Largest distance inside the pairs of sorted phases, for the better of the two ways to pair on a circle."""
    spacings = np.diff(phases, append=phases[0] + 2 * np.pi)
    return float(min(spacings[0::2].max(), spacings[1::2].max()))


def _largest_gap(phases: FloatArray) -> tuple[float, float]:
    """Centre (in [0, 2 pi)) and width of the largest gap between sorted phases on the circle."""
    widths = np.diff(phases, append=phases[0] + 2 * np.pi)
    widest = int(np.argmax(widths))
    return float((phases[widest] + widths[widest] / 2) % (2 * np.pi)), float(widths[widest])


@checked
@dataclass(frozen=True, eq=False)
class ChernPair(Shown):
    """Chern numbers of two subspaces that time reversal exchanges: the valleys, or the two projected spins.

    Parameters
    ----------
    labels
        Names of the two subspaces.
    first, second
        Their Chern numbers.
    separation
        Smallest distance between the two in the spectrum of the operator that distinguishes them (2 for exact
        valleys, 2 for conserved spin in units of 1/2); if it vanishes, the Chern numbers are not defined.
    """

    labels: tuple[str, str]
    first: ChernResult
    second: ChernResult
    separation: float

    @property
    def value(self) -> float:
        """Valley (spin) Chern number (C_first - C_second)/2; its parity is the Z2 invariant if the total is zero."""
        return (self.first.value - self.second.value) / 2

    @property
    def total(self) -> float:
        """Total Chern number C_first + C_second."""
        return self.first.value + self.second.value

    def __str__(self) -> str:
        one, other = self.labels
        return (
            f"(C_{one} - C_{other})/2 = {Number(self.value):+.4f}, C_{one} = {Number(self.first.value):+.4f}, "
            f"C_{other} = {Number(self.second.value):+.4f}, separation {self.separation:.3g}"
        )


@checked
def valley_chern_number(
    bands: BandStructure, band_indices: Sequence[int], flavours: tuple[int, int] = (0, 1)
) -> ChernPair:
    """Valley Chern number (C_K - C_K')/2 of bands solved in two valleys that do not mix.

    With spin locked to the valley, as in twisted MoTe2, it is the spin Chern number too.

    Raises
    ------
    InputError
        As :func:`moire.topology.chern_number`.
    """
    one, other = (chern_number(bands, band_indices, flavour) for flavour in flavours)
    return ChernPair(("K", "K'"), one, other, 2.0)


@checked
def spin_chern_number(
    bands: BandStructure, band_indices: Sequence[int], spin: ComplexArray, flavour: int = 0
) -> ChernPair:
    """Spin Chern number of a group of bands whose spin need not be conserved.

    The spin projected on the group, P s P, splits it into an upper and a lower half at each momentum; the Chern
    numbers of the halves are well defined as long as its spectrum keeps a gap.

    Parameters
    ----------
    bands
        Band structure on a regular :class:`MomentumGrid`.
    band_indices
        An even number of bands.
    spin
        Hermitian operator on one state, (dim, dim), with eigenvalues +-1; it must commute with the sewing.
    flavour
        Flavour index.

    Raises
    ------
    InputError
        If `spin` has another shape or is not Hermitian, the number of bands is odd, the halves touch, or as
        :func:`moire.topology.chern_number`.

    References
    ----------
    Prodan, Phys. Rev. B 80, 125327 (2009).
    """
    indices = check_isolated(bands, band_indices, flavour)
    model, states = bands.models[flavour], group_states(bands, indices, flavour)
    dimension, n_bands = model.state_shape[0] * model.state_shape[1], len(indices)
    require(n_bands % 2 == 0, "band_indices", "hold an even number of bands", list(indices))
    require(
        spin.shape == (dimension, dimension), "spin", f"have shape {(dimension, dimension)}", found=f"has {spin.shape}"
    )
    require(np.allclose(spin, spin.conj().T), "spin", "be Hermitian", "not")

    flat = states.reshape(*states.shape[:3], dimension)
    projected = np.einsum("xymi,ij,xynj->xymn", flat.conj(), spin, flat, optimize=True)
    values, rotation = np.linalg.eigh(projected)
    half = n_bands // 2
    separation = float((values[..., half] - values[..., half - 1]).min())
    require(separation > 1e-6, "spin", "split the group in two by a gap of P s P", found=f"leaves {separation:.1g}")
    rotated = np.einsum("xymn,xymi->xyni", rotation, flat).reshape(states.shape)
    down, up = (
        chern_of_states(rotated[:, :, part], model, indices, flavour) for part in (slice(half), slice(half, None))
    )
    return ChernPair(("up", "down"), up, down, separation)
