"""The phase of a Hartree-Fock state, named by its order parameters and Chern numbers."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import InputError, MeshWarning, require, warn
from moire.hartree_fock.folding import CORNER_DIFFERENCE
from moire.hartree_fock.ground_state import GroundState
from moire.hartree_fock.result import HartreeFockResult
from moire.lattice import C3_ROTATION
from moire.observables.mean_field.phase_names import RULE, Invariants, name_phase
from moire.topology.berry import ChernResult, chern_number


@checked
@dataclass(frozen=True, eq=False)
class MeanFieldPhase(Shown):
    """Name of a phase, with the quantities that determine it.

    Parameters
    ----------
    name
        ``"empty"``, ``"metal"``, ``"AFMxy"``, ``"IVC"``, ``"QAH"``, ``"VP"``, ``"AFMz"``, ``"QSH"`` or ``"BI"``;
        ``"insulator"`` where the mesh is too coarse for the Chern number that decides; with order at a finite wave
        vector ``"120-degree AFM"``, ``"spiral IVC"``, ``"multi-Q IVC"``, ``"CDW"``, ``"SDW"`` or ``"stripe"``.
    chern
        Total Chern number of the filled states, in the electron convention (band states, not their conjugates);
        None in a metal, and where the mesh is too coarse for its links (with a MeshWarning).
    valley_chern
        Chern number of the filled states of each valley; None for an empty one and where the mesh is too coarse, no
        entry with intervalley order or in a metal.
    rule
        The rule that determines the name.
    """

    name: str
    chern: ChernResult | None
    valley_chern: tuple[ChernResult | None, ...] = field(repr=False)
    rule: str = field(repr=False)

    def __str__(self) -> str:
        chern = "no Chern number" if self.chern is None else f"total {self.chern}"
        valleys = zip(("K", "K'"), self.valley_chern, strict=False)
        each = [f"valley {valley}: {'no Chern number' if result is None else result}" for valley, result in valleys]
        rule = textwrap.fill(f"rule: {self.rule}", 118, subsequent_indent="  ")
        return "\n".join([f"phase {self.name}, {chern} (filled states, as bands of electrons)", *each, rule])


@checked
def identify_phase(
    state: HartreeFockResult | GroundState, gap_threshold_mev: float = 0.5, order_threshold: float = 0.02
) -> MeanFieldPhase:
    """Name the phase of a Hartree-Fock state.

    A state is AFMz at any Chern number; with |C| = 1 it is the antiferromagnetic Chern insulator. An insulator
    without order between valleys whose C_K + C_K' is not zero is AFMz at any size of its moments: time reversal
    forbids this sum in a non-magnetic one.

    Parameters
    ----------
    state
        A state of one or two valleys on a regular grid, or the lowest of several.
    gap_threshold_mev
        Gap below which a state counts as a metal.
    order_threshold
        Smallest order parameter that counts, per carrier.

    Raises
    ------
    InputError
        If a threshold is negative or the grid is not regular.

    Warns
    -----
    MeshWarning
        If the mesh is too coarse for a Chern number.

    References
    ----------
    arXiv:2308.07488 for the phases at nu = -2.
    """
    for name, value in (("gap_threshold_mev", gap_threshold_mev), ("order_threshold", order_threshold)):
        require(value >= 0, name, "be at least 0", value)
    result = state.best if isinstance(state, GroundState) else state
    rule = RULE.format(gap=gap_threshold_mev, order=order_threshold)
    moments = result.moments
    filled = result.filled_bands
    if result.n_particles == 0:
        return MeanFieldPhase("empty", None, (), rule)
    full = len(filled) == result.orbitals.dimension  # there is no empty state, hence no gap
    if not filled or not (full or result.gap >= gap_threshold_mev):
        return MeanFieldPhase("metal", None, (), rule)
    chern = _chern(result.filled_states(), filled)
    finite = _finite_wave_vector_order(result, order_threshold)
    if finite is not None:
        return MeanFieldPhase(finite, chern, (), rule)
    counts: tuple[int, ...] | None = ()
    if moments.coherence <= order_threshold:
        counts = _filled_by_valley(result)
    if counts is None:
        return MeanFieldPhase("metal", None, (), rule)
    valleys = tuple(
        _chern(result.filled_states(flavour), range(count)) if count else None for flavour, count in enumerate(counts)
    )
    known = (0 if not count else _rounded(valley) for count, valley in zip(counts, valleys, strict=True))
    invariants = Invariants(
        coherence=moments.coherence,
        staggering=moments.staggering,
        valley_polarisation=moments.valley_polarisation,
        staggered_moment=moments.staggered_out_of_plane,
        chern=_rounded(chern),
        valley_chern=tuple(known),
    )
    return MeanFieldPhase(name_phase(invariants, order_threshold), chern, valleys, rule)


def _rounded(chern: ChernResult | None) -> int | None:
    return None if chern is None else chern.rounded


def _chern(bands: BandStructure, group: range) -> ChernResult | None:
    """Chern number of a group, or None with a warning where links vanish on a mesh that is too coarse."""
    try:
        return chern_number(bands, group)
    except InputError as refusal:
        warn(f"No Chern number was found: {refusal}", MeshWarning)
        return None


def _filled_by_valley(result: HartreeFockResult) -> tuple[int, ...] | None:
    """Filled states per momentum in each valley, or None where the number changes with the momentum."""
    counts = result.carriers_by_flavour
    if np.abs(counts - counts[0]).max() > 0.1:
        return None
    return tuple(round(float(count)) for count in counts[0])


def _finite_wave_vector_order(result: HartreeFockResult, threshold: float) -> str | None:
    """Name of an order at a finite wave vector, or None without one."""
    moments, folding = result.moments, result.folding
    if moments.coherence > threshold:
        strongest = int(np.argmax(moments.coherences))
        if moments.coherences[strongest] < 0.9 * moments.coherence:
            return "multi-Q IVC"
        total = folding.vectors[strongest] + folding.grid.fractional[folding.shifts[-1]]
        if not _is_reciprocal(total):
            return "120-degree AFM" if _is_corner_difference(total) else "spiral IVC"
    if moments.broken_translation > threshold:
        if moments.charge_modulation < threshold:
            return "SDW"
        return "CDW" if _keeps_threefold_rotation(folding.vectors, moments.modulations) else "stripe"
    return None


def _keeps_threefold_rotation(vectors: FloatArray, weights: FloatArray) -> bool:
    """Whether rotated wave vectors carry the same weight, to a tenth of the largest weight at a nonzero wave vector."""
    for vector, weight in zip(vectors[1:], weights[1:], strict=True):
        same = [i for i, other in enumerate(vectors) if _is_reciprocal(vector @ C3_ROTATION - other)]
        if abs(weight - (weights[same[0]] if same else 0.0)) > 0.1 * weights[1:].max():
            return False
    return True


def _is_reciprocal(vector: FloatArray) -> bool:
    return bool(np.abs(vector - np.round(vector)).max() < 1e-9)


def _is_corner_difference(vector: FloatArray) -> bool:
    return any(_is_reciprocal(vector - sign * CORNER_DIFFERENCE) for sign in (1, -1))
