"""Spectrum of a projected problem: all sectors of its conserved charges, one of each symmetry-related set solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._progress import counted
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization.carriers import carriers_on
from moire.exact_diagonalization.eigensolvers import SectorSolution
from moire.exact_diagonalization.hamiltonian import STORED_DIMENSION
from moire.exact_diagonalization.memory import check_orbitals, reserve_sectors
from moire.exact_diagonalization.sector_work import NO_VECTORS, SectorWork
from moire.exact_diagonalization.sectors import sector_dimensions
from moire.exact_diagonalization.settings import SpectrumSettings, check_levels
from moire.exact_diagonalization.spectrum import Spectrum
from moire.exact_diagonalization.truncation import Truncation
from moire.exact_diagonalization.valley_numbers import Polarisation, carriers_of_flavours
from moire.filling import FillingLike, one_band_filling
from moire.grids import Label
from moire.orbitals import Species
from moire.projection import ProjectedHamiltonian

TIME_REVERSAL_MEV = 0.01
_DEFAULT = SpectrumSettings()


@checked
def solve_all_sectors(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    n_eigenstates: int = 4,
    *,
    momenta: Iterable[Sequence[int]] | None = None,
    polarisation: Polarisation = None,
    max_promoted: int | Sequence[int] | Truncation | None = None,
    keep_vectors: bool = False,
    start: Callable[[Label], ComplexArray | None] | None = None,
    settings: SpectrumSettings = _DEFAULT,
) -> Spectrum:
    """Lowest levels of every sector of a projected problem: all momenta, and all polarisations of two valleys.

    The number of carriers of each flavour and their total momentum are conserved; bands mix.

    Parameters
    ----------
    problem
        The projected Hamiltonian on a cluster, of any number of bands of one or two flavours.
    filling
        Carriers per cell, ``"-2/3"``, ``(2, 3)``, a Fraction or a decimal: see :func:`moire.filling.carriers_per_cell`.
    n_eigenstates
        Levels per sector.
    momenta
        Labels of the sectors to solve; all by default, as the levels of a sector tell nothing about those of others.
    polarisation
        N_K - N_K' of two flavours: a number, several, or ``"all"``; by default all, or only values of at least zero if
        time reversal gives the others to 0.01 meV (the plane-wave cutoff breaks it slightly).
    max_promoted
        Keep only states with at most this number of carriers outside band 0, see :class:`Truncation`; in a sequence the
        limits of each of the bands 1, 2, ... follow. More than 64 orbitals need a truncation.
    keep_vectors
        Keep the eigenvectors in the result.
    start
        Returns vectors (vector, dim) whose span approximates the levels of the sector of a label, or None: those of a
        similar problem in the bands of this one, see :func:`moire.observables.carried_vectors`. They save products and
        decide nothing. For one polarisation.
    settings
        Eigensolver, symmetries, checkpoint and progress bar.

    Raises
    ------
    InputError
        If the problem is in plane waves, the filling does not fit the cluster, a momentum lies outside the group or a
        polarisation is impossible.
    MemoryRefusedError
        If the largest sector, with the vectors kept of all sectors, does not fit in memory; raised before any
        enumeration.
    """
    check_levels(n_eigenstates)
    problem.require_bands()
    grid, orbitals = problem.grid, problem.orbitals
    n_bands = orbitals.n_flavours * orbitals.n_bands
    fraction = one_band_filling(filling, problem.carrier, n_bands)
    truncation = Truncation.of(max_promoted)
    n_carriers = carriers_on(grid, filling, n_bands, truncated=orbitals.n_bands > 1)
    every = carriers_of_flavours(orbitals, n_carriers, polarisation)
    check_orbitals(orbitals, every[-1], truncation)
    if truncation is not None:
        truncation.limits(orbitals)
    wanted = range(grid.n_points) if momenta is None else [grid.index_of(label) for label in momenta]
    require(len(wanted) > 0, "momenta", "name at least one sector", "empty")
    automatic = 2 * n_carriers > orbitals.size and orbitals.n_bands == 1
    species = Species(orbitals, automatic if settings.particle_hole is None else settings.particle_hole)
    if species.missing:
        require(orbitals.n_bands == 1, "particle_hole", "be False for several bands", True)

    dimensions = {carriers: sector_dimensions(orbitals, species.numbers(carriers), truncation) for carriers in every}
    asked = {carriers: [int(found[species.momentum(k)]) for k in wanted] for carriers, found in dimensions.items()}
    widest = max(asked, key=lambda carriers: max(asked[carriers]))
    flat = [dimension for found in asked.values() for dimension in found]
    alone = settings.communicator is None
    require(alone or not keep_vectors, "keep_vectors", "be False over ranks, which hold the vectors in parts", True)
    if alone or max(flat) <= STORED_DIMENSION:
        reserve_sectors(orbitals, species.numbers(widest), flat, n_eigenstates, settings, keep_vectors, truncation)

    require(start is None or len(every) == 1, "start", "be left out for several polarisations", found="is given")
    rule = "be left out over ranks, which hold the vectors in parts"
    require(start is None or alone, "start", rule, found="is given")
    work = SectorWork.of(problem, species, n_carriers, n_eigenstates, keep_vectors, settings, truncation, start)
    one_sided = polarisation is None or (len(every) > 1 and all(carriers[0] >= carriers[-1] for carriers in every))
    reversal = work.reversal_mev if orbitals.n_flavours == 2 and one_sided else np.inf
    if polarisation is None and reversal < TIME_REVERSAL_MEV:
        every = tuple(carriers for carriers in every if carriers[0] >= carriers[1])
    sectors = [(carriers, k) for carriers in every for k in wanted]
    shape = (len(sectors), n_eigenstates)
    energies, residuals = np.full(shape, np.nan), np.full(shape, np.nan)
    solutions: list[SectorSolution | None] = []
    for row, (carriers, k) in enumerate(counted(sectors, "sectors", settings.progress)):
        momentum = species.momentum(k)
        solution = work.solve((species.numbers(carriers), momentum)) if dimensions[carriers][momentum] else None
        solutions.append(solution)
        if solution is not None:
            energies[row, : len(solution.energies)] = solution.energies + work.hamiltonian.constant
            residuals[row, : len(solution.energies)] = solution.residuals
    return Spectrum(
        species=species,
        filling=fraction,
        carriers=read_only([carriers for carriers, _ in sectors], np.int64),
        momenta=read_only(grid.labels[[k for _, k in sectors]]),
        dimensions=read_only([dimension for carriers in every for dimension in asked[carriers]], np.int64),
        energies=read_only(energies),
        residuals=read_only(residuals),
        n_products=read_only([s.n_products if s else 0 for s in solutions], np.int64),
        converged=tuple(s.converged if s else True for s in solutions),
        stop_reason=tuple(s.stop_reason if s else "empty sector" for s in solutions),
        storage=" and ".join(sorted(work.storages)),
        seed=settings.seed,
        description=problem.describe() | ({} if truncation is None else {"truncation": str(truncation)}),
        truncation=truncation,
        vectors=tuple(s.vectors if s else NO_VECTORS for s in solutions) if keep_vectors else (),
        rotations_deg=tuple(s.angle_deg for s in work.symmetries if not s.reverses_time),
        reverses_time=work.reverses_time,
        symmetry_bound_mev=work.bound,
        reversal_mev=reversal if reversal < TIME_REVERSAL_MEV else None,
    )
