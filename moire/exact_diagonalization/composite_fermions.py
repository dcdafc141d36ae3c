"""Momenta of a composite Fermi liquid at half filling, from compact Fermi seas, compared with a spectrum."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from moire._arrays import IntArray, read_only
from moire._text import Number
from moire.errors import require
from moire.exact_diagonalization.manifold import Label
from moire.exact_diagonalization.spectrum import Spectrum
from moire.grids import MomentumGrid
from moire.verdicts import Verdict

SEARCH_MESH = 12
CLOSED_SHELL = 0.01  # excess of the next sea below which interactions may reorder them
TIE = 1e-9  # of the second moment, relative; moments of two seas are rational multiples of one number


@dataclass(frozen=True, eq=False)
class CompositeFermiSeas:
    """Ground states expected of a composite Fermi liquid on a cluster at half filling of a |C| = 1 band.

    Parameters
    ----------
    momenta
        Labels of the states with multiplicity, sorted: two per sea, one per state of the centre of mass.
    seas
        Compact seas, (sea, particle, 2), as integers (n_1, n_2) of k = n_1 s_1 + n_2 s_2, s_i . L_j = 2 pi delta_ij.
    second_moment
        sum_j |k_j - mean|^2 of each of them in 1/nm^2: the least there is.
    excess
        The same of the next sea, divided by `second_moment`, minus one: how closed the shell is. NaN if none
        was met.
    """

    momenta: tuple[Label, ...]
    seas: IntArray = field(repr=False)
    second_moment: float
    excess: float

    def __str__(self) -> str:
        places = ", ".join(f"{label} x{count}" for label, count in sorted(Counter(self.momenta).items()))
        larger = np.isfinite(self.excess)
        above = f"next {Number(100 * self.excess):.1f} % above" if larger else "no larger one to compare"
        return (
            f"composite Fermi liquid: {len(self.seas)} compact seas of {self.seas.shape[1]} particles, second moment "
            f"{Number(self.second_moment):.4f} 1/nm^2, {above}; states at {places}"
        )


def composite_fermi_seas(grid: MomentumGrid) -> CompositeFermiSeas:
    """Predict the momenta of a composite Fermi liquid at half filling.

    The state is a determinant of plane waves k_j, N allowed momenta of the cluster, times a bosonic Laughlin
    state at 1/2: its momentum is K_B + sum_j k_j, with the two momenta K_B of the bosons. Moving all k_j
    together changes nothing, so that the energy is taken to grow with sum_j |k_j - mean|^2, and seas that have
    the least of it are the ground states.

    Parameters
    ----------
    grid
        The cluster, with an even number of cells.

    Raises
    ------
    InputError
        If the number of cells is odd.

    References
    ----------
    Rezayi and Read, Phys. Rev. Lett. 72, 900 (1994); Shao, Kim, Haldane and Rezayi, Phys. Rev. Lett. 114, 206402
    (2015); for twisted MoTe2 arXiv:2306.01719 and arXiv:2306.02513.
    """
    require(
        grid.n_points % 2 == 0,
        "cluster",
        "have an even number of cells at half filling",
        found=f"has {grid.n_points} ({grid.name})",
    )
    seas, moment, excess = _compact_seas(grid)
    steps = grid.labels[list(grid.turn_indices)]
    moduli = np.array(grid.moduli)
    momenta = []
    for sea, boson in itertools.product(seas, _boson_labels(grid)):
        first, second = (boson + sea.sum(axis=0) @ steps) % moduli
        momenta.append((int(first), int(second)))
    return CompositeFermiSeas(tuple(sorted(momenta)), read_only(seas), moment, excess)


@dataclass(frozen=True, eq=False)
class CompositeFermiLiquid:
    """The states predicted by compact seas, compared with a spectrum.

    Parameters
    ----------
    prediction
        Seas and momenta.
    splitting
        Largest minus smallest of the lowest energies at these momenta, meV; NaN if not all were solved.
    gap
        Lowest energy of any other state minus the largest of them, meV; negative when one lies below, NaN when it
        is not known.
    decision
        Whether the lowest states of the spectrum are the predicted ones, and why.
    """

    prediction: CompositeFermiSeas
    splitting: float
    gap: float
    decision: Verdict

    @property
    def agrees(self) -> bool:
        """Whether the lowest states are known to be the predicted ones."""
        return self.decision.answer is True

    @property
    def verdict(self) -> str:
        """One sentence."""
        return self.decision.sentence

    def __str__(self) -> str:
        return f"{self.prediction}\n{self.verdict}"


def composite_fermi_liquid(spectrum: Spectrum) -> CompositeFermiLiquid:
    """Compare a spectrum at half filling with the momenta of compact composite-Fermi seas.

    It is a comparison of momenta, not a proof: a composite Fermi liquid has no gap, and the distance to the next
    state is that of the next sea on this cluster.

    Parameters
    ----------
    spectrum
        At filling 1/2, with more levels per sector than are predicted there. With two flavours the seas hold all
        carriers in one of them, and the levels of other polarisations count as others.

    Raises
    ------
    InputError
        If the filling is another one.
    """
    require(spectrum.filling == Fraction(1, 2), "spectrum", "be at filling 1/2", found=f"is at {spectrum.filling}")
    prediction = composite_fermi_seas(spectrum.grid)
    polarisation = spectrum.polarisation
    partial = spectrum.energies[np.abs(polarisation) < spectrum.n_carriers]
    polarised = np.flatnonzero(np.abs(polarisation) == spectrum.n_carriers)
    wanted, inside, outside = Counter(prediction.momenta), [], partial[np.isfinite(partial)].tolist()
    known = 0
    for row in polarised[polarisation[polarised] == polarisation[polarised[:1]]]:
        levels, taken = spectrum.energies[row], wanted.get(spectrum.labels[row], 0)
        solved = levels[np.isfinite(levels)]
        inside += solved[:taken].tolist()
        outside += solved[taken : taken + 1].tolist()
        known += len(solved) >= min(taken + 1, int(spectrum.dimensions[row]))
    n_states = len(prediction.momenta)
    heads = ("Composite-Fermi-liquid momenta", "Other momenta")
    if len(inside) < n_states or not outside or known < spectrum.grid.n_points:
        undecided = Verdict(None, f"the {n_states} states of compact seas or the next ones were not all solved", *heads)
        return CompositeFermiLiquid(prediction, float("nan"), float("nan"), undecided)
    splitting, gap = max(inside) - min(inside), min(outside) - max(inside)
    numbers = f"splitting {Number(splitting):.4f} meV, next state {Number(gap):.4f} meV above"
    if prediction.excess < CLOSED_SHELL:
        numbers += f"; the next sea is only {Number(100 * prediction.excess):.1f} % larger"
    agree = f"the {n_states} lowest states are those of compact seas"
    differ = f"a state outside the {n_states} of compact seas lies lower"
    decision = Verdict(gap > 0, f"{agree if gap > 0 else differ}; {numbers}", *heads)
    return CompositeFermiLiquid(prediction, splitting, gap, decision)


def _compact_seas(grid: MomentumGrid) -> tuple[IntArray, float, float]:
    """Sets of N momenta of least second moment up to a common shift, that moment, and the relative next one.

    Such a set consists of the N points nearest to its own mean, so it is a fixed point of "take the N nearest
    points, move to their mean"; the search starts from a mesh of centres.
    """
    n = grid.n_points // 2
    basis = np.linalg.inv(grid.matrix.astype(float)).T @ grid.lattice.reciprocal
    reach = int(np.ceil(2 * np.sqrt(n) * np.linalg.norm(basis, axis=1).max() / abs(np.linalg.det(basis)) ** 0.5)) + 2
    side = np.arange(-reach, reach + 1)
    integers = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    points = integers @ basis
    found: dict[tuple[tuple[int, int], ...], float] = {}
    for start in itertools.product(range(SEARCH_MESH), repeat=2):
        centre = (np.array(start) + np.array([0.317, 0.419])) / SEARCH_MESH @ basis  # off every symmetric point
        moment = np.inf
        while True:
            chosen = np.argsort(np.sum((points - centre) ** 2, axis=1), kind="stable")[:n]
            centre = points[chosen].mean(axis=0)
            new = float(np.sum((points[chosen] - centre) ** 2))
            if not new < moment * (1 - TIE):
                break
            moment = new
        sea = integers[chosen][np.lexsort(integers[chosen].T)]
        found[tuple((int(a), int(b)) for a, b in sea - sea[0])] = moment
    least = min(found.values())
    best = sorted(sea for sea, moment in found.items() if moment <= least * (1 + TIE))
    others = [moment for moment in found.values() if moment > least * (1 + TIE)]
    excess = min(others) / least - 1 if others and least > 0 else float("nan")
    return np.array(best, dtype=np.int64), least, excess


def _boson_labels(grid: MomentumGrid) -> IntArray:
    """Labels of the two states of bosons at 1/2 with one flux quantum per cell, (2, 2).

    Translations of all particles by x_1 L_1/N_s + x_2 L_2/N_s anticommute for x = (1, 0) and (0, 1), so that those
    with odd x have no trace; with even x they are numbers, products of the boundary phases eta(L_j). A
    translation of the band by R is eta(R) times the magnetic one for each particle, with eta = 1 where R/2 is
    on the lattice and -1 elsewhere. The number of states at a momentum is a character.
    """
    (t11, t12), (t21, t22) = grid.matrix.tolist()
    n, orientation = grid.n_points, 1 if t11 * t22 > t12 * t21 else -1
    counts, seen = np.zeros(n), set()
    for r1, r2 in itertools.product(range(n), repeat=2):
        x1, x2 = orientation * (r1 * t22 - r2 * t21), orientation * (r2 * t11 - r1 * t12)
        if (x1 % n, x2 % n) in seen:
            continue
        seen.add((x1 % n, x2 % n))
        if x1 % 2 == 0 and x2 % 2 == 0:
            sign = _eta(t11, t12) ** (x1 // 2 % 2) * _eta(t21, t22) ** (x2 // 2 % 2) * _eta(r1, r2) ** (n // 2)
            counts += 2 / n * sign * np.cos(2 * np.pi * (grid.fractional @ np.array([r1, r2])))
    whole = np.round(counts).astype(np.int64)
    labels: IntArray = np.repeat(grid.labels, whole, axis=0)
    return labels


def _eta(first: int, second: int) -> int:
    return 1 if first % 2 == 0 and second % 2 == 0 else -1
