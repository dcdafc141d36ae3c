"""Valley (and so spin) polarisation of the ground state, the energy to flip one carrier, and the magnon branch."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._text import Number, amount
from moire._types import checked
from moire.errors import InputError, require
from moire.exact_diagonalization import Spectrum
from moire.grids import Label, MomentumGrid
from moire.units import KELVIN
from moire.verdicts import Verdict

RESOLVED_MEV = 2e-6  # two energies, each to the default tolerance of the solver


@checked
@dataclass(frozen=True, eq=False)
class ValleyPolarisation(Shown):
    """Lowest energies by polarisation, and excitations of the fully polarised state by one flipped carrier.

    Spin is locked to the valley in MoTe2, so that S_z = (N_K - N_K') / 2 and a flip of the valley flips the spin.

    Parameters
    ----------
    grid, filling, n_carriers
        The cluster, carriers per cell, and N.
    polarisation
        (p,), |N_K - N_K'| of the polarisations solved, descending.
    energies
        (p,), lowest energy of each in meV.
    momenta
        (p, 2), label of its total momentum.
    magnons
        (k,), E(Q) in meV in the order of the grid: the lowest energy with one carrier flipped and total momentum
        K_0 + Q minus the energy of the fully polarised ground state at K_0; NaN if not solved.
    complete
        Whether every momentum of every polarisation was solved, or is given by time reversal, and converged.
    """

    grid: MomentumGrid
    filling: Fraction
    n_carriers: int
    polarisation: IntArray = field(repr=False)
    energies: FloatArray = field(repr=False)
    momenta: IntArray = field(repr=False)
    magnons: FloatArray = field(repr=False)
    complete: bool

    @property
    def largest(self) -> int:
        """The largest polarisation possible: N, or less if a valley has fewer than N orbitals."""
        return int(self.polarisation[0])

    @property
    def ground(self) -> int:
        """|N_K - N_K'| of the lowest state."""
        return int(self.polarisation[int(np.nanargmin(self.energies))])

    @property
    def margin_mev(self) -> float:
        """Lowest energy of all smaller polarisations minus that of the largest, in meV; positive if fully polarised."""
        return float(np.nanmin(self.energies[1:]) - self.energies[0])

    @property
    def spin_gap_mev(self) -> float:
        """Lowest energy with one carrier flipped minus that of the largest polarisation, in meV."""
        return float(self.energies[1] - self.energies[0])

    @property
    def spin_gap_kelvin(self) -> float:
        """The spin gap over k_B, in K."""
        return float(self.spin_gap_mev / KELVIN)

    @property
    def decision(self) -> Verdict:
        """Whether the ground state is fully polarised, and by how much."""
        heads = ("Fully polarised", "Not fully polarised")
        lowest = f"the lowest state has |S_z| = {Fraction(self.ground, 2)}"
        numbers = f"{lowest}; all smaller ones lie {amount(self.margin_mev, 'meV')} above {Fraction(self.largest, 2)}"
        if not self.complete:
            return Verdict(None, f"not every sector of every polarisation is known; {numbers}", *heads)
        if abs(self.margin_mev) <= RESOLVED_MEV:
            return Verdict(None, f"{numbers}, which is zero within the accuracy of these energies", *heads)
        return Verdict(self.margin_mev > 0, numbers, *heads)

    @property
    def magnon_labels(self) -> tuple[Label, ...]:
        """Labels of Q, in the order of `magnons`."""
        return tuple((int(a), int(b)) for a, b in self.grid.labels)

    def __str__(self) -> str:
        lines = [f"valley polarisation: {self.grid.name}, filling {self.filling}, {self.n_carriers} carriers"]
        lines += [
            f"  |S_z| = {Fraction(int(p), 2)!s:>4}: E0 = {Number(energy):.6f} meV at ({a}, {b}), "
            f"{Number(energy - self.energies[0]):+.6f}"
            for p, energy, (a, b) in zip(self.polarisation, self.energies, self.momenta, strict=True)
        ]
        gap = amount(self.spin_gap_mev, "meV")
        lines.append(f"  spin gap, one carrier flipped: {gap} ({amount(self.spin_gap_kelvin, 'K', 1)})")
        return "\n".join([*lines, f"  {self.decision}"])


@checked
def holds_a_flip(spectrum: Spectrum) -> bool:
    """Whether a spectrum of two flavours has the largest polarisation and the one with one carrier flipped."""
    largest = min(spectrum.n_carriers, spectrum.species.orbitals.size - spectrum.n_carriers)
    return {largest, largest - 2} <= set(np.abs(spectrum.polarisation).tolist()) and largest > 1


@checked
def valley_polarisation(spectrum: Spectrum) -> ValleyPolarisation:
    """Compare the polarisations of a spectrum of both valleys.

    Parameters
    ----------
    spectrum
        Spectrum of two flavours, with the two largest polarisations.

    Raises
    ------
    InputError
        If it has one flavour, or lacks one of the two largest polarisations.
    """
    if spectrum.carriers.shape[1] != 2:
        raise InputError(f"`spectrum` must have two flavours, but has {spectrum.carriers.shape[1]}.")
    grid, solved = spectrum.grid, np.abs(spectrum.polarisation)
    n_orbitals = spectrum.species.orbitals.size
    largest = min(spectrum.n_carriers, n_orbitals - spectrum.n_carriers)
    every = np.arange(largest, -1, -2)
    for wanted in every[:2]:
        held = ", ".join(map(str, sorted(set(solved.tolist()))))
        require(wanted in solved, "spectrum", f"hold the polarisation {wanted}", found=f"holds {held}")
    require(
        len(every) > 1, "spectrum", "leave room for a flipped carrier", found=f"has the polarisation {largest} only"
    )
    found = [int(value) for value in every if value in solved]
    lowest = [_lowest(spectrum, solved == value) for value in found]
    first = grid.index_of(lowest[0][1])
    magnons = np.full(grid.n_points, np.nan)
    flipped = spectrum.polarisation == largest - 2
    for row in np.flatnonzero(flipped):
        transfer = grid.difference_index[grid.index_of(spectrum.labels[row]), first]
        magnons[transfer] = spectrum.energies[row, 0] - lowest[0][0]
    reversed_too = spectrum.reversal_mev is not None or spectrum.reverses_time  # or the other sign must be solved
    signed = solved if reversed_too else spectrum.polarisation
    rows = {(int(p), label) for p, label in zip(signed, spectrum.labels, strict=True)}
    n_values = len(every) if reversed_too else 2 * len(every) - (every[-1] == 0)
    complete = len(rows) == n_values * grid.n_points and all(spectrum.converged)
    return ValleyPolarisation(
        grid=grid,
        filling=spectrum.filling,
        n_carriers=spectrum.n_carriers,
        polarisation=read_only(found, np.int64),
        energies=read_only([energy for energy, _ in lowest]),
        momenta=read_only([label for _, label in lowest], np.int64),
        magnons=read_only(magnons),
        complete=complete,
    )


def _lowest(spectrum: Spectrum, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[float, Label]:
    """Lowest energy of some rows and its label."""
    chosen = np.flatnonzero(rows)
    row = int(chosen[np.nanargmin(spectrum.energies[chosen, 0])])
    return float(spectrum.energies[row, 0]), spectrum.labels[row]
