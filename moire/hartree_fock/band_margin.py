"""Energy difference of two competing states with more bands per valley: a check of convergence in bands."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import solve_bands
from moire.errors import ConvergenceWarning, require
from moire.hartree_fock.follow import transferred
from moire.hartree_fock.ground_state import same_order
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.result import HartreeFockResult
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.solve import solve_hartree_fock


@checked
@dataclass(frozen=True)
class BandMargin(Shown):
    """Energy difference of two states per moire cell, with the bands kept and with more bands.

    Parameters
    ----------
    names
        Guesses from which the two states were obtained.
    n_bands
        Bands per valley: those kept, and the larger number.
    margins_mev
        E(second) - E(first) per cell in meV for each; NaN where one of the two ceases to be a solution.
    """

    names: tuple[str, str]
    n_bands: tuple[int, int]
    margins_mev: tuple[float, float]

    @property
    def moved_mev(self) -> float:
        """Change of the energy difference due to the added bands, in meV per cell."""
        return self.margins_mev[1] - self.margins_mev[0]

    @property
    def is_decided(self) -> bool:
        """Whether the energy difference exceeds its change by the added bands; False where the change is NaN."""
        return abs(self.moved_mev) < abs(self.margins_mev[0])

    def __str__(self) -> str:
        pairs = zip(self.margins_mev, self.n_bands, strict=True)
        few, many = (f"{Number(margin):+.4f} meV per cell with {n} bands" for margin, n in pairs)
        verdict = "decided, as further bands change it by less" if self.is_decided else "NOT decided by the bands kept"
        return f"E({self.names[1]}) - E({self.names[0]}) = {few}, {many}: {verdict}"


@checked
def band_margin(
    first: HartreeFockResult, second: HartreeFockResult, n_more: int = 3, settings: ScfSettings = DEFAULTS
) -> BandMargin:
    """Solve two competing states again with more bands, each starting from its own density matrix.

    One added band may be too few: at 3.89 degrees, D = 28 meV and eps = 20 (WANG_2023) AFMz lies above AFMxy by
    0.202, 0.127, 0.014 and -0.023 meV per cell with three, four, five and six bands on 6x6. The mesh matters far less,
    so that a small one suffices.

    Parameters
    ----------
    first, second
        Converged states of holes at zero temperature, of one problem, such as ``found.best`` and ``found.competitor``.
    n_more
        Bands added per valley.
    settings
        Settings of both solutions; they are applied with ``strict=False``, as a state may cease to exist.

    Raises
    ------
    InputError
        If the states are not those of one problem of holes, or the basis has fewer bands.
    MemoryRefusedError
        If the exchange of the added bands does not fit in memory.
    """
    problem, folding = first.problem, first.folding
    require(n_more >= 1, "n_more", "be at least 1", n_more)
    shared = problem is second.problem or problem.describe() == second.problem.describe()
    require(
        shared and first.n_particles == second.n_particles, "second", "be a state of the same problem", "of another"
    )
    all_waves = "leaves no band out, being in plane waves"
    require(problem.basis == "bands", "first", "be a state in bands, to which more are added", found=all_waves)
    require(problem.carrier == "hole", "first", "be a state of holes, which leave further bands empty", "of electrons")
    for name, state in (("first", first), ("second", second)):
        tested = state.converged and state.temperature_mev == 0
        require(tested, name, "be converged at zero temperature", state.stop_reason)
    bands = solve_bands(problem.bands.models, problem.grid, problem.bands.n_bands + n_more)
    few = MeanField(problem, folding.supercell, folding.boost)
    many = MeanField(problem.on_bands(bands), folding.supercell, folding.boost)
    repeated, lenient = [], replace(settings, strict=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a state may cease to exist; the margin says so
        for state in (first, second):
            start = transferred(state.density_matrix, few, many)
            repeated.append(
                solve_hartree_fock(many, state.filling, start, state.symmetry, settings=lenient, seed=state.seed)
            )
    kept = all(state.converged for state in repeated) and not same_order(*repeated)
    after = repeated[1].energy_per_cell - repeated[0].energy_per_cell if kept else float("nan")
    return BandMargin(
        (first.guess, second.guess),
        (problem.bands.n_bands, bands.n_bands),
        (second.energy_per_cell - first.energy_per_cell, after),
    )
