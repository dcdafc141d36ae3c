"""Every kind of refusal of many-body solvers and observables, as one exact sentence."""
# ruff: noqa: E501 - one case a line reads best

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import exact_diagonalization as ed
from moire import hartree_fock as hf
from moire import observables as obs
from moire.hartree_fock.folding import index_of
from moire.orbitals import Orbitals
from moire.plot import plot_bands
from tests.message_cases import (
    GRID,
    INF,
    NAN,
    OTHER,
    PATH,
    bands,
    folding,
    full_density,
    pair_hamiltonian,
    problem,
    regular,
    sector_hamiltonian,
    solve,
    spectrum,
    state,
    structure,
    valleys,
)

FOUND = object.__new__(hf.GroundState)  # never looked at

CASES = [
    # fillings, clusters, sectors, solvers
    (lambda: ed.one_band_filling("two thirds"), "`filling` must be a number of carriers per cell such as 2, '-2/3' or 0.6667, but is 'two thirds'."),
    (lambda: ed.one_band_filling((2, 0)), "`filling` must be a number of carriers per cell such as 2, '-2/3' or 0.6667, but is (2, 0)."),
    (lambda: ed.one_band_filling("4/3"), "`filling` must ask for more than 0 and at most 1 carrier per cell, one band of one valley, but is 4/3."),
    (lambda: ed.carriers_on(regular(2, 5), "-2/3"), "`filling` must give an integer number of carriers on the cluster, but 2/3 x 10 = 20/3 on 2x5; 3x3, 3x4, 2x3, 3x5 would fit."),
    (lambda: ed.carriers_on(regular(5, 13), "1/5"), "`cluster` must have at most 64 orbitals, but has 65 (5x13)."),
    (lambda: ed.MomentumSector(Orbitals(regular(5, 13)), 1, 0), "`cluster` must have at most 64 orbitals, but has 65 (5x13)."),
    (lambda: ed.MomentumSector(Orbitals(GRID), 7, 0), "`n_particles` must lie in 0..6, but is 7."),
    (lambda: ed.MomentumSector(Orbitals(GRID), 2, 6), "`momentum` must be an index in 0..5, but is 6."),
    (lambda: ed.suggest_clusters("2/3", 65), "`max_sites` must satisfy 1 <= min_sites <= max_sites <= 64, but is 65, with min_sites = 6."),
    (lambda: ed.suggest_clusters("1/7", 13, 8), "`max_sites` must allow a multiple of 7 cells from min_sites = 8 on, but is 13."),
    (lambda: ed.composite_fermi_seas(regular(3, 3)), "`cluster` must have an even number of cells at half filling, but has 9 (3x3)."),
    (lambda: ed.composite_fermi_liquid(spectrum()), "`spectrum` must be at filling 1/2, but is at 1/3."),
    (lambda: ed.SectorHamiltonian(pair_hamiltonian(), ed.MomentumSector(Orbitals(GRID), 2, 0), "disk"), "`storage` must be one of auto, csr, matrix-free, but is 'disk'."),
    (lambda: ed.SectorHamiltonian(pair_hamiltonian(), ed.MomentumSector(Orbitals(GRID), 2, 0), dtype=float), "`dtype` must be complex64 or complex128, but is float64."),
    (lambda: sector_hamiltonian(regular(3, 2)), "`sector` must have the orbitals of the Hamiltonian, 2x3, but has 3x2."),
    (lambda: ed.solve_sector(sector_hamiltonian(GRID, 6, 1), 1), "`hamiltonian` must act on a sector with states, but sector (0, 1) has none."),
    (lambda: ed.solve_sector(sector_hamiltonian(), INF), "`n_eigenstates` must be an integer, but is inf."),
    (lambda: ed.solve_sector(sector_hamiltonian(), 1.5), "`n_eigenstates` must be an integer, but is 1.5."),
    (lambda: ed.solve_sector(sector_hamiltonian(), 1, settings=mo.EigensolverSettings(tolerance_mev=NAN)), "`tolerance_mev` must be positive (in meV), but is nan."),
    (lambda: ed.solve_sector(sector_hamiltonian(), 1, settings=mo.EigensolverSettings(solver="power")), "`solver` must be one of auto, lanczos, arpack, dense, but is 'power'."),
    (lambda: ed.solve_sector(sector_hamiltonian(), 1, settings=mo.EigensolverSettings(block_size=0)), "`block_size` must be at least 1, but is 0."),
    (lambda: ed.solve_sector(sector_hamiltonian(), 1, settings=mo.EigensolverSettings(seed=-1)), "`seed` must be at least 0, but is -1."),
    (lambda: mo.solve_all_sectors(problem(), "1/3", momenta=[]), "`momenta` must name at least one sector, but is empty."),
    (
        lambda: mo.solve_all_sectors(problem(2), "1/3", settings=mo.SpectrumSettings(particle_hole=True)),
        "`particle_hole` must be False for several bands, but is True.",
    ),
    (lambda: mo.solve_all_sectors(problem(2), "7/3"), "`filling` must ask for more than 0 and at most 2 carriers per cell, the 2 bands kept of all valleys, but is 7/3."),
    (lambda: mo.solve_all_sectors(problem(1), "1/3", polarisation=1), "`polarisation` must be left out for one valley, but is 1."),
    (lambda: ed.Checkpoint("nowhere/run", "key"), "`checkpoint` must lie in a folder that exists, but is nowhere/run."),
    # Hartree-Fock
    (lambda: solve(filling="half"), "`filling` must be a number of carriers per cell such as 2, '-2/3' or 0.6667, but is 'half'."),
    (lambda: solve(filling=-3), "`filling` must lie in [-2, 2], the capacity of the bands kept per cell, but is -3."),
    (lambda: solve(filling=0.5), "`filling` must put a whole number of carriers on 3x3, but is 0.5."),
    (lambda: solve({"tolerance_mev": 0.0}), "`tolerance_mev` must be positive (in meV), but is 0.0."),
    (lambda: solve({"max_iterations": 0}), "`max_iterations` must be at least 1, but is 0."),
    (lambda: solve(temperature_mev=INF), "`temperature_mev` must be finite and not negative, but is inf."),
    (lambda: solve({"solvers": ("magic",)}), "`solvers` must be one or more of oda, diis, newton, but are ('magic',)."),
    (lambda: solve({"solvers": ()}), "`solvers` must be one or more of oda, diis, newton, but are ()."),
    (lambda: solve({"level_shift_mev": 5.0}, temperature_mev=1.0), "`level_shift_mev` must be zero at a nonzero temperature, where it would change the occupations, but is 5.0."),
    (lambda: solve(guess=full_density()), "`guess` must hold 9 carriers, but holds 18."),
    (lambda: solve(guess=full_density(3)), "`guess` must have shape (9, 2, 2), but has (9, 3, 3)."),
    (lambda: solve(guess=np.tile([[1, 1], [0, 0]], (9, 1, 1))), "`guess` must be Hermitian, but is not."),
    (lambda: solve(guess="ferromagnet"), "`guess` must be a known one, but is 'ferromagnet'; did you mean 'non_magnetic'?"),
    (lambda: solve(symmetry="round"), "`symmetry` must be one of free, valley_diagonal, c3, but is 'round'."),
    (lambda: hf.check_guess("AFMz", folding(1), "free"), "`guess` must be possible with one valley, but 'AFMz' needs two."),
    (lambda: hf.check_guess("AFMxy", folding(), "valley_diagonal"), "`guess` must keep the symmetry 'valley_diagonal', but 'AFMxy' breaks it."),
    (lambda: hf.check_guess("AFMxy", folding(boost="+Q"), "free"), "`guess` must be 'spiral' for intervalley order at a boost, but is 'AFMxy'."),
    (lambda: hf.check_guess("stripe", folding(), "free"), "`guess` must be possible in the moire cell, but 'stripe' needs an enlarged one (give `supercell`)."),
    (lambda: hf.check_guess("spiral", folding(), "free"), "`guess` must be possible in the moire cell, but 'spiral' needs an enlarged one or a boost (give `supercell` or `boost`)."),
    (lambda: hf.check_guess("120_degree", folding(supercell=[[1, 0], [0, 2]], shape=(3, 4)), "free"), "`guess` must be possible in the cell and boost given, but '120_degree' needs Q = kappa_+ - kappa_- (give `boost` = '+Q' or `supercell` = 'sqrt3')."),
    (lambda: hf.check_symmetry("c3", folding(shape=(4, 4), supercell=[[1, 0], [0, 2]])), "`symmetry` must be a symmetry of the enlarged cell and of the boost, but 'c3' is none of 2 cells [[1, 0], [0, 2]] with boost none."),
    (lambda: hf.check_symmetry("c3", folding(shape=(3, 4))), "`symmetry` must be a symmetry of the cluster, but 3x4 with boundary phase (0.0, 0.0) is not threefold symmetric."),
    (lambda: folding(supercell="sqrt7"), "`supercell` must be 'sqrt3' or an integer 2x2 matrix, but is 'sqrt7'."),
    (lambda: folding(supercell=[[INF, 0], [0, 1]]), "`supercell` must be 'sqrt3' or an integer 2x2 matrix, but is [[inf, 0.0], [0.0, 1.0]]."),
    (lambda: folding(supercell=[[0, 1], [1, 0]]), "`supercell` must have a positive determinant, but is [[0, 1], [1, 0]]."),
    (lambda: folding(supercell=[[2, 0], [0, 2]]), "`supercell` must divide the cluster 3x3, but is [[2, 0], [0, 2]]."),
    (lambda: folding(1, boost="+Q"), "`boost` must belong to two flavours, but there is 1."),
    (lambda: folding(boost="Q"), "`boost` must be '+Q', '-Q' or a momentum label, but is 'Q'."),
    (lambda: folding(boost="+Q", shape=(4, 4)), "`boost` must be a momentum of the cluster, but +Q = +(kappa_+ - kappa_-) is not one of 4x4."),
    (lambda: index_of(GRID, np.array([[0.0, 0.0], [0.1, 0.2]])), "`momentum` must be one of 2x3 (in units of b_1, b_2), but is [0.1, 0.2]."),
    (lambda: hf.ground_state(valleys(), 1, guesses=()), "`guesses` must hold at least one guess, but is empty."),
    (lambda: hf.ground_state(valleys(), 1, n_random=0), "`n_random` must be at least 1, but is 0."),
    (lambda: hf.follow([], []), "`mean_fields` must hold at least one mean field, but are empty."),
    (lambda: hf.follow([hf.MeanField(valleys()), hf.MeanField(valleys((2, 3)))], [FOUND, FOUND]), "`mean_fields` must share cluster, cell, boost, carriers and bands kept, but differ."),
    (lambda: hf.follow([hf.MeanField(valleys())], []), "`found` must hold one ground state per mean field, 1 in all, but holds 0."),
    (lambda: hf.occupy(np.zeros((9, 2, 2)), 19), "`n_particles` must lie in 0..18, but is 19."),
    (lambda: hf.MeanField(valleys(), boost="+Q").fold(np.ones((9, 2, 2))), "`density_matrix` must have no intervalley order at equal k under a boost, but has some."),
    (lambda: hf.active_bands(state(), bands=[1]), "`bands` must be distinct numbers in 0..0, but is [1]."),
    (lambda: hf.active_bands(state(temperature_mev=5.0)), "`result` must be at zero temperature, but is at 5 meV."),
    (lambda: hf.excitations(state(temperature_mev=5.0)), "`result` must be at zero temperature, but is at 5 meV."),
    (lambda: hf.excitations(state(2)), "`result` must be an insulator with empty and filled bands, but has only one of them."),
    (lambda: hf.excitations(state(boost="+Q")), "`result` must have the moire cell and no boost, but has cell = unit cell, boost = [1, 1]."),
    (lambda: hf.excitations(state(), channel="spin"), "`channel` must be one of all, intravalley, intervalley, but is 'spin'."),
    (lambda: hf.excitations(state(), channel="intravalley"), "`channel` must hold a pair of a filled and an empty orbital, but 'intravalley' holds none."),
    (lambda: hf.excitations(state(), n_modes=INF), "`n_modes` must be an integer, but is inf."),
    (lambda: hf.excitations(state(), momenta=[]), "`momenta` must name at least one momentum, but is empty."),
    (lambda: hf.excitations(state(), approximation="rpa"), "`approximation` must be 'tdhf' or 'tda', but is 'rpa'."),
    (lambda: hf.interpolate_bands(state(temperature_mev=5.0), PATH, image_correction=True), "`image_correction` must be False for a metal or at a temperature, where the filled states are unknown between the grid momenta, but is True."),
    (lambda: hf.interpolate_bands(state(), mo.KPath.through(OTHER)), "`momenta` must lie on the lattice of the state, but lie on one of period 6.72347 nm instead of 5.45179 nm."),
    (lambda: hf.quasiparticle_bands(state().problem, state().occupation).models[0].hamiltonian(np.array([0.1, 0.2])), "`k` must be a momentum of the grid, where alone H(k) is known, but is [0.1, 0.2]."),
    (lambda: hf.valley_bands(state().problem, state().occupation, 2), "`flavour` must lie in 0..1, but is 2."),
    (lambda: hf.real_space_map(state().problem, state().density_matrix, 0), "`n_points` must be at least 1, but is 0."),
    # observables
    (lambda: obs.charge_gap(problem(), "1"), "`filling` must leave room for one more carrier, but is 1 on 2x3."),
    (lambda: obs.charge_order(spectrum(), structure(regular(3, 2))), "`structure` must have the cluster of the spectrum, but has another."),
    (lambda: obs.charge_order(spectrum(), structure(), NAN), "`peak_threshold` must be positive, but is nan."),
    (lambda: obs.check_predicted(GRID, Fraction(1, 2), 4), "`filling` must have an odd denominator, above 1, that divides the number of cells, but is 1/2 on 2x3 with 6 cells."),
    (lambda: obs.check_predicted(regular(3, 6), Fraction(1, 3), 2), "`n_eigenstates` must be at least 3, the predicted states in one sector of 3x6, but is 2."),
    (lambda: obs.fci_report(problem(), "1/3", flux_directions=(1, 3)), "`flux_directions` must name directions 1 or 2, but names 3."),
    (lambda: obs.fci_report(problem(), "1/3", flux_directions=(1, 1)), "`flux_directions` must name each direction once, but is [1, 1]."),
    (lambda: obs.fci_report(problem(), "1/3", n_kept=-1), "`n_kept` must be at least 0, but is -1."),
    (lambda: obs.finite_size_scaling([GRID], [1.0, 2.0]), "`values` must be one number for each of the 1 clusters, but have shape (2,)."),
    (lambda: obs.finite_size_scaling([GRID, GRID], [1.0, 2.0]), "`grids` must be at least three, or a line has no error, but are 2."),
    (lambda: obs.finite_size_scaling([GRID, GRID, GRID], [1.0, 2.0, 3.0]), "`grids` must have at least two sizes, but all have 6 cells."),
    (lambda: obs.finite_size_scaling([GRID, regular(3, 3), regular(3, 4)], [1.0, 2.0, NAN]), "`values` must be finite, but are [1.0, 2.0, nan]."),
    (lambda: obs.spectral_flow(problem(), "1/3", 3), "`direction` must be 1 (along L_1) or 2 (along L_2), but is 3."),
    (lambda: obs.spectral_flow(problem(), "1/3", 1, n_steps=INF), "`n_steps` must be an integer, but is inf."),
    (lambda: obs.spectral_flow(problem(), "1/3", 1, n_levels=1), "`n_levels` must exceed 1, the states of the manifold in one sector, but is 1."),
    (lambda: obs.spectral_flow(valleys((2, 2)), "3/2", 1), "`polarisation` must be given for 6 carriers, more than one flavour holds, but is None."),
    (lambda: obs.many_body_chern(valleys((2, 2)), "1/2", polarisation=0), "`momenta` must be given at filling 1/2 with 1 and 1 carriers in the flavours, where no manifold is predicted, but is None."),
    (lambda: obs.many_body_chern(valleys((2, 2)), "1/2", polarisation=1), "`polarisation` must be an even number in -2..2 for 2 carriers, but is 1."),
    (lambda: obs.spectral_flow(problem(), "1/2", 1), "`momenta` must be given at filling 1/2, where no manifold is predicted, but is None."),
    (lambda: obs.spectral_flow(problem(), "1/3", 1, momenta=[(0, 0)] * 9), "`momenta` must ask for at most 2 states of sector (0, 0), all it has, but asks for 9."),
    (lambda: obs.many_body_chern(problem(), "1/3", (6, INF)), "`mesh` must be two integers or None, but is (6, inf)."),
    (lambda: obs.structure_factor(spectrum(vectors=False), problem()), "`spectrum` must be solved with keep_vectors=True, but holds no vectors."),
    (lambda: obs.structure_factor(spectrum(), problem(1, regular(3, 2))), "`problem` must have the cluster of the spectrum, 2x3 at boundary phase (0.0, 0.0), but has 3x2 at (0.0, 0.0)."),
    (lambda: obs.structure_factor(spectrum(), problem(carrier="electron")), "`problem` must have the carrier of the spectrum, hole, but has electron."),
    (lambda: obs.structure_factor(spectrum(), problem(), [(0, 9)]), "`states` must be pairs (row of a sector, level) that the spectrum holds, but hold (0, 9)."),
    (lambda: obs.structure_factor(spectrum(), problem(), [(0, 0), (0, 0)]), "`states` must be distinct, but are [(0, 0), (0, 0)]."),
    (lambda: obs.structure_factor(spectrum(), problem(), []), "`states` must name at least one state, but is empty."),
    (lambda: obs.structure_factor(spectrum("1/2"), problem()), "`states` must be given where no incompressible manifold is predicted, but is None at filling 1/2 on 2x3."),
    (lambda: obs.manifold_states(spectrum("1/3", regular(3, 6))), "`spectrum` must hold the 3 states of the manifold (more levels or sectors would), but holds 1 of them."),
    (lambda: obs.pair_correlation(structure(), INF), "`side` must be an integer, but is inf."),
    (
        lambda: obs.momentum_occupation(replace(spectrum(), vectors=(np.ones((1, 2)),) * 6)),
        "`spectrum` must hold vectors of all 3 states of sector (1, 0), but holds them of 2.",
    ),
    (lambda: obs.quantum_weight(structure(), problem(1, regular(3, 2))), "`problem` must have the cluster of the structure factor, but has another."),
    (lambda: obs.quantum_weight(structure(), problem(), 3), "`n_transfers` must lie in 12..24, but is 3."),
    (lambda: obs.quasihole_counts(GRID, 2, 2), "`m` must be odd and positive, but is 2."),
    (lambda: obs.entanglement_spectrum(spectrum(), 3), "`n_kept` must be an integer in 1..2, the number of carriers diagonalized, but is 3."),
    (lambda: obs.orbital_magnetisation(state(2)), "`result` must be an insulator with filled bands at zero temperature, but has a gap of nan meV at k_B T = 0 meV."),
    (lambda: obs.orbital_magnetisation(state()).per_cell(1e9), "`chemical_potential_mev` must lie in the gap, 30.8269 to 71.7180 meV, but is 1000000000.0."),
    (lambda: obs.identify_phase(state(), NAN), "`gap_threshold_mev` must be at least 0, but is nan."),
    # plots
    (lambda: plot_bands(bands(), Figure().add_subplot()), "`bands` must be solved on a KPath to be drawn as lines, but are on a grid."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), CASES)
def test_the_sentence(call, sentence):
    with pytest.raises(mo.MoireError) as failure:
        call()
    assert str(failure.value) == sentence
