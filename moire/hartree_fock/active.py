"""Hartree-Fock bands as the basis of exact diagonalization, the other filled states frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._shown import Shown
from moire._text import Number, amount
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import require
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.quasiparticles import valley_bands
from moire.hartree_fock.result import HartreeFockResult


@checked
@dataclass(frozen=True, eq=False)
class ActiveBands(Shown):
    """Hartree-Fock bands in the field of frozen carriers.

    Parameters
    ----------
    bands
        The bands kept, for ``problem.on_bands(bands, reference="vacuum")`` with the problem of the Hartree-Fock state.
        Their energies hold the mean field of the frozen carriers and that of P_ref, but not that of the
        carriers in the bands themselves: their interaction is left to exact diagonalization.
    frozen_energy_per_cell
        Energy per cell in meV of the frozen carriers alone, to be added to that of exact diagonalization.
    n_frozen
        Frozen carriers in the cluster.
    flavours, band_indices
        Indices of the flavours and of the bands.
    """

    bands: BandStructure = field(repr=False)
    frozen_energy_per_cell: float
    n_frozen: int
    flavours: tuple[int, ...]
    band_indices: tuple[int, ...]

    def __str__(self) -> str:
        widths = ", ".join(amount(self.bands.width(band), "meV") for band in range(self.bands.n_bands))
        return (
            f"bands {', '.join(map(str, self.band_indices))} of flavours {', '.join(map(str, self.flavours))}, widths "
            f"{widths}, above {self.n_frozen} frozen carriers of {Number(self.frozen_energy_per_cell):.5f} meV per cell"
        )


@checked
def active_bands(
    result: HartreeFockResult,
    flavours: Sequence[int] = (0,),
    bands: Sequence[int] = (0,),
    mean_field: MeanField | None = None,
) -> ActiveBands:
    """Prepare exact diagonalization in Hartree-Fock bands.

    The carriers of the bands move in F[P_frozen], where F[P] is the bare energy with Hartree and Fock of P, and
    P_frozen is the density matrix without the bands; the bands returned are its eigenstates in their span. Taking the
    quasiparticle energies instead would count the interaction among the carriers of the bands twice. A Slater
    determinant then has the same energy in Hartree-Fock and in exact diagonalization.

    Parameters
    ----------
    result
        A converged insulator that does not mix the valleys, at zero temperature.
    flavours, bands
        The same bands of each flavour; band 0 is filled by the carriers first.
    mean_field
        The mean field of the problem, if it is built already.

    Raises
    ------
    InputError
        If the state is not such an insulator, fills other bands partly, or does not have these bands.
    """
    problem, n_bands = result.problem, result.problem.bands.n_bands
    chosen, own = tuple(int(band) for band in bands), tuple(int(flavour) for flavour in flavours)
    _check_background(result)
    for name, values, n_held in (("bands", chosen, n_bands), ("flavours", own, problem.bands.n_flavours)):
        distinct = bool(values) and len(set(values)) == len(values) and set(values) <= set(range(n_held))
        require(distinct, name, f"be distinct numbers in 0..{n_held - 1}", list(values))
    parts = [result.orbitals.of_flavour(flavour) for flavour in own]
    quasiparticles = [valley_bands(problem, result.occupation, flavour) for flavour in own]
    states = [bands.states[0][:, list(chosen)] for bands in quasiparticles]
    orbitals = [
        np.einsum("kmlg,kalg->kma", problem.bands.states[flavour].conj(), kept, optimize=True)
        for flavour, kept in zip(own, states, strict=True)
    ]
    hole = problem.carrier == "hole"
    if hole:
        orbitals = [phi.conj() for phi in orbitals]
    frozen = _frozen(result, orbitals, parts)
    miss = float(np.abs(frozen @ frozen - frozen).max())
    require(miss < 1e-3, "result", "fill each other band whole or not at all", found=f"misses that by {miss:.3g}")
    functional = MeanField(problem) if mean_field is None else mean_field
    fock = functional(frozen)
    energies, rotated = [], []
    for phi, part, kept in zip(orbitals, parts, states, strict=True):
        within = phi.conj().swapaxes(1, 2) @ fock[:, part, part] @ phi
        levels, turn = np.linalg.eigh(within)
        energies.append(-levels if hole else levels)
        rotated.append(np.einsum("kab,kalg->kblg", turn.conj() if hole else turn, kept, optimize=True))
    names = ", ".join(map(str, chosen))
    structure = BandStructure(
        problem.grid,
        read_only(energies),
        tuple(f"Hartree-Fock bands {names} of {problem.bands.names[flavour]}" for flavour in own),
        quasiparticles[0].top_band_first,
        tuple(each.models[0] for each in quasiparticles),
        read_only(rotated),
    )
    n_frozen = round(float(np.einsum("kii->", frozen).real))
    return ActiveBands(structure, functional.energy_parts(frozen).total, n_frozen, own, chosen)


def _check_background(result: HartreeFockResult) -> None:
    """Raise InputError unless the state is a converged insulator of the moire cell that does not mix the valleys."""
    result.require_unit_cell()
    require(
        not result.mixes_valleys,
        "result",
        "not mix the valleys",
        found=f"mixes them, with an intervalley coherence of {result.moments.coherence:.3g}",
    )
    require(result.temperature_mev == 0, "result", "be at zero temperature", f"at {result.temperature_mev:g} meV")
    require(result.converged, "result", "be converged", found=f"stopped at a residual of {result.residual:.1e} meV")
    metal = "fills some bands in part" if result.gap > 0 else f"has a gap of {amount(result.gap, 'meV')}"
    require(result.gap > 0 and result.filled_bands, "result", "be an insulator", found=metal)


def _frozen(result: HartreeFockResult, orbitals: Sequence[ComplexArray], parts: Sequence[slice]) -> ComplexArray:
    """The density matrix with the orbitals phi(k) of some flavours emptied: (1 - phi phi^+) P (1 - phi phi^+)."""
    frozen = result.density_matrix.copy()
    frozen[:, result.orbitals.mixed] = 0.0
    for phi, part in zip(orbitals, parts, strict=True):
        outside = np.eye(phi.shape[1]) - phi @ phi.conj().swapaxes(1, 2)
        frozen[:, part, part] = outside @ frozen[:, part, part] @ outside
    return frozen
