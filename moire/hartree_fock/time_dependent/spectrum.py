"""Time-dependent Hartree-Fock: magnons and excitons on top of an insulator, at every momentum of the grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._progress import counted
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import ConvergenceWarning, is_whole, require, warn
from moire.grids import KPath, MomentumGrid
from moire.hartree_fock.result import HartreeFockResult
from moire.hartree_fock.time_dependent.modes import ZERO_MODE_MEV, Modes, normal_modes
from moire.hartree_fock.time_dependent.own_bands import OwnBands
from moire.hartree_fock.time_dependent.particle_hole import (
    Channel,
    SecondVariation,
    insulating_groups,
    reversed_sector,
    sectors_of,
)

Approximation = Literal["tdhf", "tda"]
APPROXIMATIONS: tuple[Approximation, ...] = ("tdhf", "tda")
RESIDUAL_MEV = 1e-6


@checked
@dataclass(frozen=True)
class SmallMomentumFit(Shown):
    """The lowest mode at small Q.

    Parameters
    ----------
    kind
        ``"quadratic"``: E = gap + stiffness Q^2; ``"linear"``: E^2 = gap^2 + velocity^2 Q^2.
    gap_mev
        Energy at Q = 0 of the fit (for a linear one the root of the fitted gap^2, 0 if that is negative).
    stiffness_mev_nm2, velocity_mev_nm
        The coefficient; the other one is zero.
    residual_mev
        Largest deviation of the fit from the fitted energies.
    n_momenta
        Number of fitted momenta, including Q = 0.
    """

    kind: Literal["quadratic", "linear"]
    gap_mev: float
    stiffness_mev_nm2: float
    velocity_mev_nm: float
    residual_mev: float
    n_momenta: int

    def __str__(self) -> str:
        if self.kind == "quadratic":
            law = f"E = {Number(self.gap_mev):.4f} meV + {Number(self.stiffness_mev_nm2):.3f} meV nm^2 Q^2"
        else:
            law = f"E^2 = ({Number(self.gap_mev):.4f} meV)^2 + ({Number(self.velocity_mev_nm):.3f} meV nm Q)^2"
        return f"{law} from {self.n_momenta} momenta, off by at most {self.residual_mev:.2e} meV"


@checked
@dataclass(frozen=True, eq=False)
class Excitations(Shown):
    """Normal modes of a Hartree-Fock state.

    Parameters
    ----------
    result
        The state.
    channel, approximation
        Pairs included, and whether pairs are also destroyed (``"tdhf"``) or not (``"tda"``).
    momentum_indices
        Index of each Q in the momentum group of the grid, (q,).
    energies
        (q, mode) in meV, ascending; NaN beyond the number of pairs. A mode of negative energy lowers the energy of
        the state: it is a saddle.
    growth
        Rate hbar/tau of the growth of an unstable mode in meV, (q, mode).
    curvature
        Lowest eigenvalue of the second variation at Q in meV, (q,): negative at a saddle; NaN for ``"tda"``.
    continuum
        Lowest energy of a bare pair in meV, (q,): the edge of the particle-hole continuum.
    n_pairs
        Number of pairs with momentum Q.
    residual
        Largest |M z - omega sigma_z z| / |z| in meV.
    seed
        Seed of the Lanczos vectors.
    n_bands
        Quasiparticle bands per valley that the pairs are made of, the others frozen; None for all.
    """

    result: HartreeFockResult = field(repr=False)
    channel: Channel
    approximation: Approximation
    momentum_indices: IntArray = field(repr=False)
    energies: FloatArray = field(repr=False)
    growth: FloatArray = field(repr=False)
    curvature: FloatArray = field(repr=False)
    continuum: FloatArray = field(repr=False)
    n_pairs: int
    residual: float
    seed: int
    n_bands: int | None = None

    @property
    def grid(self) -> MomentumGrid:
        """The grid of the state."""
        return self.result.problem.grid

    @property
    def labels(self) -> IntArray:
        """Label of each Q, (q, 2)."""
        return self.grid.labels[self.momentum_indices]

    @property
    def momenta(self) -> FloatArray:
        """The shortest of the vectors Q + G in 1/nm, (q, 2)."""
        reciprocal = self.grid.lattice.reciprocal
        side = np.arange(-2, 3)
        offsets = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        images = (self.grid.fractional[self.momentum_indices][:, None] + offsets) @ reciprocal
        shortest = np.argmin(np.round(np.linalg.norm(images, axis=2), 9), axis=1)
        return np.asarray(images[np.arange(len(images)), shortest])

    def on_path(self, path: KPath) -> tuple[FloatArray, IntArray]:
        """Momenta solved that lie on a path, with their copies Q + G.

        Returns
        -------
        distances : (point,)
            Arc length along the path in 1/nm, ascending.
        rows : (point,)
            Index of each Q.
        """
        reciprocal = self.grid.lattice.reciprocal
        side = np.arange(-2, 3)
        offsets = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        images = ((self.grid.fractional[self.momentum_indices][:, None] + offsets) @ reciprocal).reshape(-1, 2)
        found: dict[float, int] = {}
        for first, last in itertools.pairwise(path.tick_indices):
            start, line = path.points[first], path.points[last] - path.points[first]
            along = (images - start) @ line / (line @ line)
            beside = np.linalg.norm(images - start - along[:, None] * line, axis=1)
            for image in np.nonzero((beside < 1e-6) & (along > -1e-6) & (along < 1 + 1e-6))[0]:
                found[round(float(path.distances[first] + along[image] * np.linalg.norm(line)), 6)] = int(image)
        distances = np.array(sorted(found))
        rows = np.array([found[d] // len(offsets) for d in sorted(found)], dtype=np.int64)
        return distances, rows

    @property
    def gap(self) -> float:
        """Lowest energy in meV over the momenta solved."""
        return float(np.nanmin(self.energies))

    @property
    def converged(self) -> bool:
        """Whether every mode solves its equation to 1e-6 meV."""
        return self.residual < RESIDUAL_MEV

    @property
    def stop_reason(self) -> str:
        """Reason why the eigenvalue solver stopped."""
        return "residual below tolerance" if self.converged else f"residual above {RESIDUAL_MEV:g} meV"

    @property
    def is_stable(self) -> bool:
        """Whether no mode grows or has a negative energy, within the resolution of a zero mode."""
        flat = self.energies[~np.isnan(self.energies)]
        return bool((self.growth <= 0).all() and (flat > -1e-6).all() and not (self.curvature < -ZERO_MODE_MEV).any())

    @property
    def unstable_labels(self) -> list[tuple[int, int]]:
        """Labels of the momenta with a mode that grows or has a negative energy."""
        bad = (self.growth > 0).any(axis=1) | (np.nan_to_num(self.energies) <= -1e-6).any(axis=1)
        bad |= self.curvature < -ZERO_MODE_MEV
        return [(int(a), int(b)) for a, b in self.labels[bad]]

    def small_momentum_fit(
        self, kind: Literal["quadratic", "linear"], n_shells: int = 1, mode: int = 0
    ) -> SmallMomentumFit:
        """Fit a mode at Q = 0 and on the nearest shells of Q.

        Parameters
        ----------
        kind
            ``"quadratic"`` (a ferromagnet, an exciton) or ``"linear"`` (an antiferromagnet, a broken U(1)).
        n_shells
            Number of shells of equal |Q| besides Q = 0.
        mode
            Index of the mode, counted from the lowest at each Q.

        Raises
        ------
        InputError
            If the momenta solved do not include Q = 0 and these shells.
        """
        require(kind in ("quadratic", "linear"), "kind", "be 'quadratic' or 'linear'", repr(kind))
        require(0 <= mode < self.energies.shape[1], "mode", f"lie in 0..{self.energies.shape[1] - 1}", mode)
        length = np.linalg.norm(self.momenta, axis=1)
        shells = np.unique(np.round(length, 7))
        enough = len(shells) > n_shells >= 1 and shells[0] == 0
        rule = f"be at least 1 and below {len(shells)}, the lengths |Q| solved, Q = 0 among them"
        require(enough, "n_shells", rule, n_shells)
        near = length < shells[n_shells] + 1e-6
        energies = self.energies[near, mode]
        power = energies if kind == "quadratic" else energies**2
        design = np.stack([np.ones(len(energies)), length[near] ** 2], axis=1)
        (at_zero, slope), *_ = np.linalg.lstsq(design, power)
        fitted = design @ np.array([at_zero, slope])
        if kind == "linear":
            fitted = np.sqrt(np.maximum(fitted, 0.0))
        return SmallMomentumFit(
            kind,
            float(at_zero if kind == "quadratic" else np.sqrt(max(at_zero, 0.0))),
            float(slope) if kind == "quadratic" else 0.0,
            float(np.sqrt(max(slope, 0.0))) if kind == "linear" else 0.0,
            float(np.abs(fitted - energies).max()),
            int(near.sum()),
        )

    def __str__(self) -> str:
        kind = {"tdhf": "time-dependent Hartree-Fock", "tda": "Tamm-Dancoff (no pairs in the ground state)"}
        lowest = int(np.nanargmin(self.energies[:, 0]))
        label = tuple(map(int, self.labels[lowest]))
        few = "" if self.n_bands is None else f"{self.n_bands} bands per valley nearest the gap, the others frozen, "
        lines = [
            f"{kind[self.approximation]}, channel {self.channel}, {few}{self.n_pairs} pairs at each of "
            f"{len(self.momentum_indices)} momenta of {self.grid.name}, residual {self.residual:.1e} meV"
            + ("" if self.converged else " (NOT converged)"),
            f"lowest mode {Number(self.gap):.5f} meV at Q = {label}, edge of the continuum "
            f"{Number(self.continuum.min()):.4f} meV",
        ]
        if self.is_stable:
            lines.append("stable: no mode grows or has a negative energy")
        else:
            lines.append(f"UNSTABLE at Q = {', '.join(map(str, self.unstable_labels))}")
        if self.approximation == "tdhf":
            lines.append(f"lowest curvature {self.curvature.min():+.3e} meV")
        return "\n".join(lines)


@checked
def excitations(
    result: HartreeFockResult,
    channel: Channel = "all",
    n_modes: int = 4,
    momenta: Iterable[Sequence[int]] | None = None,
    approximation: Approximation = "tdhf",
    seed: int = 0,
    progress: bool = False,
    n_bands: int | None = None,
) -> Excitations:
    """Lowest modes of time-dependent Hartree-Fock, i dP/dt = [F[P], P], around a state at every momentum Q.

    A mode excites filled orbitals at k into empty ones at k + Q. The direct and exchange interactions of the pairs
    carry the layers and the q = 0 rule of the problem. One carrier flipped on top of one full band of a valley is
    solved exactly; otherwise this is the random-phase approximation with exchange.

    Parameters
    ----------
    result
        A converged insulator at zero temperature.
    channel
        ``"intravalley"`` keeps the valley (excitons), ``"intervalley"`` flips it (magnons), ``"all"`` is both. The
        first two need a state that does not mix the valleys.
    n_modes
        Modes kept at each Q.
    momenta
        Labels of the momenta Q; all by default.
    approximation
        ``"tdhf"``, or ``"tda"``: the Tamm-Dancoff approximation, without pairs in the ground state (B = 0).
    seed
        Seed of the Lanczos vectors.
    progress
        Show a progress bar over momenta.
    n_bands
        Quasiparticle bands per valley nearest the gap, filled ones included: pairs are made of these, and the others
        stay as they are. Where two valleys mix these are twice as many, and the components of the filled states in a
        valley are held too, so that a rotation of the order costs nothing. More bands lower every mode of a stable
        state, down to that of all bands. By default all bands kept are used; a state in plane waves needs a number.

    Raises
    ------
    InputError
        If the state is not a converged insulator, or an option is unknown, impossible or missing.
    MemoryRefusedError
        If the matrix does not fit in memory.

    Warns
    -----
    ConvergenceWarning
        If the residual of a mode exceeds 1e-6 meV.

    References
    ----------
    Thouless, Nucl. Phys. 22, 78 (1961); Wu and Das Sarma, Phys. Rev. Lett. 124, 046403 (2020) for magnons of a
    moire valley ferromagnet.
    """
    given = n_bands is not None or result.problem.basis == "bands"
    require(given, "n_bands", "be a number of bands for a state in plane waves", n_bands)
    own = None if n_bands is None else OwnBands.of(result, n_bands)
    groups = insulating_groups(result) if own is None else own.groups
    sectors = sectors_of(groups, channel)
    grid = result.problem.grid
    require(n_modes >= 1 and is_whole(n_modes), "n_modes", "be an integer of at least 1", n_modes)
    require(approximation in APPROXIMATIONS, "approximation", "be 'tdhf' or 'tda'", repr(approximation))
    wanted = list(range(grid.n_points)) if momenta is None else [grid.index_of(label) for label in momenta]
    require(len(wanted) > 0, "momenta", "name at least one momentum", "empty")

    opposite = grid.difference_index[0]
    found: dict[tuple[int, int], tuple[ComplexArray, float]] = {}
    continuum = np.full(grid.n_points, np.inf)
    residual = 0.0
    if own is None:
        variations = [SecondVariation(result.problem, groups, sector) for sector in sectors]
    else:
        variations = [own.variation(sector) for sector in sectors]
    partner = [sectors.index(reversed_sector(sector)) for sector in sectors]
    for momentum in counted(wanted, "momenta", progress):
        for index, variation in enumerate(variations):
            n_forward = variation.n_forward
            bare = variation.differences(momentum)[:n_forward]
            continuum[momentum] = min(continuum[momentum], bare.min(initial=np.inf))
            if (index, momentum) in found:
                continue
            modes = _solve(variation, momentum, approximation, n_modes, seed)
            found[index, momentum] = modes.forward, modes.curvature
            found.setdefault((partner[index], int(opposite[momentum])), (modes.backward, modes.curvature))
            residual = max(residual, modes.residual)
    n_pairs = sum(variation.n_forward for variation in variations)
    energies = np.full((len(wanted), min(n_modes, n_pairs)), np.nan)
    growth, curvature = np.zeros_like(energies), np.empty(len(wanted))
    for row, momentum in enumerate(wanted):
        parts = [found[index, momentum] for index in range(len(sectors))]
        values = np.concatenate([part[0] for part in parts])
        values = values[np.argsort(values.real, kind="stable")][: energies.shape[1]]
        energies[row, : len(values)], growth[row, : len(values)] = values.real, values.imag
        curvature[row] = min(part[1] for part in parts)
    found_modes = Excitations(
        result=result,
        channel=channel,
        approximation=approximation,
        momentum_indices=read_only(np.array(wanted), np.int64),
        energies=read_only(energies),
        growth=read_only(growth),
        curvature=read_only(curvature),
        continuum=read_only(continuum[wanted]),
        n_pairs=n_pairs,
        residual=residual,
        seed=seed,
        n_bands=n_bands,
    )
    if not found_modes.converged:
        warn(f"The excitations did not converge: {found_modes.stop_reason}.", ConvergenceWarning)
    return found_modes


def _solve(variation: SecondVariation, momentum: int, approximation: Approximation, n_modes: int, seed: int) -> Modes:
    matrix, n_forward = variation.matrix(momentum), variation.n_forward
    if approximation == "tdhf":
        return normal_modes(matrix, n_forward, n_modes, seed)
    forward, backward = matrix[:n_forward, :n_forward], matrix[n_forward:, n_forward:]
    values, columns = np.linalg.eigh(forward)
    below = np.linalg.eigvalsh(backward)[:n_modes]
    vectors = np.zeros((min(n_modes, n_forward), len(matrix)), dtype=np.complex128)
    vectors[:, :n_forward] = columns[:, :n_modes].T
    misses = np.linalg.norm(forward @ columns - columns * values, axis=0)
    return Modes(
        values[:n_modes].astype(np.complex128),
        below.astype(np.complex128),
        vectors,
        float("nan"),
        float(misses.max(initial=0.0)),
    )
