"""Every kind of refusal up to topology, as one exact sentence: name, rule, and what was given."""
# ruff: noqa: E501 - one case a line reads best

from dataclasses import replace

import numpy as np
import pytest

import moire as mo
from moire.form_factors import FormFactors
from moire.grids import smith_normal_form
from moire.lattice import TriangularLattice
from moire.models import HaldaneModel, KaneMeleModel, MassiveDirac, RhombohedralMultilayer
from moire.topology import (
    Disk,
    DomainWalls,
    Polygon,
    Ribbon,
    StredaLine,
    Zone,
    c3_eigenvalues,
    c3_operator,
    chern_number,
    converged_chern,
    converged_geometry,
    direct_gap_over_zone,
    displacement_family,
    find_gap_closing,
    find_inversion,
    find_magic_angle,
    fit_streda,
    hall_resistance,
    in_gap_modes,
    interband_index,
    inversion_operator,
    parities,
    quantum_geometry,
    spin_chern_number,
    streda_fan,
    topological_charges,
    topology_report,
    wilson_loops,
    z2_index,
)
from moire.topology.strips.edges import strip_spectrum
from moire.topology.symmetry import signed_gap
from tests.message_cases import (
    BASIS,
    GRID,
    INF,
    LATTICE,
    MODEL,
    NAN,
    OTHER,
    PATH,
    WANG,
    OtherModel,
    bands,
    problem,
    regular,
)
from tests.small_models import Dirac


def haldane(**changes):
    return HaldaneModel(**{"lattice_constant_nm": 0.25, "hopping_mev": 1000.0, "second_hopping_mev": 100.0, **changes})


CASES = [
    # parameters, lattice, grids
    (lambda: replace(WANG, effective_mass=0), "`effective_mass` must be positive (in electron masses), but is 0."),
    (lambda: replace(WANG, lattice_constant_nm=-1.0), "`lattice_constant_nm` must be positive (in nm), but is -1.0."),
    (lambda: replace(WANG, potential_mev=NAN), "`potential_mev` must be finite, but is nan."),
    (lambda: mo.parameters.published("WANG"), "`parameter_set` must be a published set, but is 'WANG'; did you mean 'WANG_2023'?"),
    (lambda: TriangularLattice(INF), "`period_nm` must be positive and finite (in nm), but is inf."),
    (lambda: mo.MoireLattice.from_twist(NAN, 0.352), "`twist_deg` must lie in (0, 30] degrees, but is nan."),
    (lambda: mo.MoireLattice.from_twist(30.5, 0.352), "`twist_deg` must lie in (0, 30] degrees, but is 30.5."),
    (lambda: mo.MoireLattice.from_twist(3, 0), "`lattice_constant_nm` must be positive and finite (in nm), but is 0.0."),
    (lambda: smith_normal_form(np.zeros((2, 2), int)), "`matrix` must have a nonzero determinant, but is [[0, 0], [0, 0]]."),
    (lambda: mo.MomentumGrid(LATTICE, [[1, 2], [2, 4]]), "`cluster` must have a nonzero determinant, but is [[1, 2], [2, 4]]."),
    (lambda: mo.MomentumGrid(LATTICE, [[1.5, 0], [0, 2]]), "`matrix` must be an array of integers, but is [[1.5, 0], [0, 2]]."),
    (lambda: regular(INF, 3), "`n1` must be an integer, but is inf."),
    (lambda: regular(3, 2.5), "`n2` must be an integer, but is 2.5."),
    (lambda: regular(3, 3, (NAN, 0)), "`boundary_phase` must be finite (in units of 2 pi), but is (nan, 0.0)."),
    (lambda: GRID.index_of(np.array([2, 0])), "`momentum` must be a label (l1, l2) of integers with 0 <= l1 < 2 and 0 <= l2 < 3, but is (2, 0)."),
    (lambda: GRID.index_of((NAN, 0)), "`label` must be a sequence of integers, but is (nan, 0)."),
    (lambda: mo.KPath.through(LATTICE, points_per_segment=0), "`points_per_segment` must be at least 1, but is 0."),
    (lambda: mo.KPath.through(LATTICE, ["gamma"]), "`labels` must name at least two corners, but is ['gamma']."),
    (lambda: mo.KPath.through(LATTICE, ["gamma", "x"]), "`labels` must be corners among gamma, kappa_+, kappa_-, m, but hold ['x']."),
    # continuum model, bands, form factors, interaction, projection
    (lambda: mo.PlaneWaveBasis(LATTICE, INF), "`plane_wave_shells` must be finite and at least 1, the first shell of the potential, but is inf."),
    (lambda: mo.ContinuumModel(WANG, BASIS, 0), "`valley` must be +1 (K) or -1 (K'), but is 0."),
    (lambda: mo.ContinuumModel(WANG, BASIS, 1, NAN), "`displacement_mev` must be finite, but is nan."),
    (lambda: bands(0), "`n_bands` must be an integer in 1..14, the dimension of H(k) at this plane-wave cutoff, but is 0."),
    (lambda: mo.solve_bands([], GRID, 1), "`models` must hold at least one model, but is empty."),
    (lambda: mo.solve_bands([MODEL, mo.ContinuumModel(WANG, mo.PlaneWaveBasis(LATTICE, 2))], GRID, 1), "`models` must share one state shape, but have (2, 7) and (2, 19)."),
    (lambda: bands(1, regular(2, 3, lattice=OTHER)), "`momenta` must lie on the lattice of the models, but lie on one of period 6.72347 nm instead of 5.45179 nm."),
    (lambda: bands().width(2), "`band` must lie in 0..1, but is 2."),
    (lambda: bands().gap(1), "`band` must have a next band among the 2 kept, but is 1."),
    (lambda: bands(2, PATH).grid, "`bands` must be solved on a MomentumGrid, but are on a KPath."),
    (lambda: bands().check_bands([]), "`band_indices` must be distinct bands in 0..1, at least one, but is []."),
    (lambda: bands().check_bands(np.array([0, 2])), "`band_indices` must be distinct bands in 0..1, at least one, but is [0, 2]."),
    (lambda: replace(bands(), energies=np.zeros((1, 5, 1))), "`energies` must have shape (1, 6, 1), but has (1, 5, 1)."),
    (lambda: FormFactors.compute(bands(1, GRID, OtherModel()), 1.0), "`bands` must be those of models in plane waves, but WANG_2023, theta = 3.7 deg, D = 0 meV, valley K, 1 shells has no `basis`, `valley`."),
    (lambda: mo.project(bands(1), mo.ScreenedCoulomb(epsilon_r=10.0), q_cutoff=INF), "`q_cutoff` must be positive and finite (in units of |G_1|), but is inf."),
    (lambda: mo.ScreenedCoulomb(epsilon_r=0), "`epsilon_r` must be positive, but is 0."),
    (lambda: mo.ScreenedCoulomb(epsilon_r=10.0, layer_distance_nm=-0.1), "`layer_distance_nm` must be finite and not negative (in nm), but is -0.1."),
    (lambda: mo.ScreenedCoulomb(epsilon_r=10.0, gate_distance_nm=INF), "`gate_distance_nm` must be positive and finite (in nm; gates = 'none' removes them), but is inf."),
    (lambda: mo.ScreenedCoulomb(epsilon_r=10.0, gates="triple"), "`gates` must be one of dual, single, none, but is 'triple'."),
    (lambda: problem(carrier="magnon"), "`carrier` must be 'hole' or 'electron', but is 'magnon'."),
    (lambda: problem(zero_momentum="half"), "`zero_momentum` must be one of drop, keep, exchange, but is 'half'."),
    (lambda: mo.project(bands(1), mo.ScreenedCoulomb(epsilon_r=10.0, gates="none"), zero_momentum="keep"), "`zero_momentum` must be 'drop' without gates, where V(0) diverges, but is 'keep'."),
    (lambda: problem(reference="holes"), "`reference` must be an array or one of vacuum, hole_vacuum, electron_vacuum, average, but is 'holes'."),
    (lambda: mo.project(bands(1), mo.ScreenedCoulomb(epsilon_r=10.0), reference=np.full((6, 1, 1), 1j)), "`reference` must be Hermitian at each momentum, but is not."),
    (lambda: mo.project(bands(1), mo.ScreenedCoulomb(epsilon_r=10.0), reference=np.full((6, 1, 1), 1.5)), "`reference` must have occupations in [0, 1], but has them in [1.5, 1.5]."),
    # models
    (lambda: haldane(second_hopping_mev=INF), "`second_hopping_mev` must be a finite number, but is inf."),
    (lambda: haldane(lattice_constant_nm=0.0), "`lattice_constant_nm` must be positive, but is 0.0."),
    (lambda: RhombohedralMultilayer(NAN, 600.0, 380.0, 10.0), "`n_layers` must be an integer, but is nan."),
    (lambda: KaneMeleModel(0.25, 1000.0, 50.0).spin_sector(0), "`spin` must be +1 (up) or -1 (down), but is 0."),
    (lambda: KaneMeleModel(0.25, 1000.0, 50.0, rashba_mev=5.0).spin_sector(1), "`rashba_mev` must be zero for s_z to be conserved, but is 5.0."),
    # topology
    (lambda: chern_number(bands(2, regular(2, 2)), [0, 0]), "`band_indices` must be distinct bands in 0..1, at least one, but is [0, 0]."),
    (lambda: chern_number(bands(2), [0], flavour=1), "`flavour` must lie in 0..0, but is 1."),
    (lambda: chern_number(bands(2, mo.MomentumGrid(LATTICE, [[2, 1], [-1, 2]])), [0]), "`grid` must be a regular N1 x N2 grid for link variables, but is 5 [[2, 1], [-1, 2]]."),
    (lambda: quantum_geometry(bands(2, PATH), [0]).chern, "`bands` must be solved on a MomentumGrid, but are on a KPath."),
    (lambda: wilson_loops(bands(), [0], axis=2), "`axis` must be 0 (loops along b_1) or 1 (along b_2), but is 2."),
    (lambda: z2_index(bands(2, regular(3, 3)), [0, 1]), "`grid` must have an even number of points across the loops, but has 3."),
    (lambda: z2_index(bands(2, regular(2, 2, (0.0, 0.5))), [0, 1]), "`bands` must be time-reversal symmetric in flavours [0], but the Wannier phases of bands [0, 1] at opposite momenta differ by 2.66 rad (a plane-wave cutoff too small does this too)."),
    (lambda: z2_index(bands(2, regular(2, 2)), [0]), "`band_indices` must form Kramers pairs, an even number of states with the flavours, but is [0]."),
    (lambda: spin_chern_number(bands(3, regular(2, 2)), [0, 1, 2], np.eye(14)), "`band_indices` must hold an even number of bands, but is [0, 1, 2]."),
    (lambda: spin_chern_number(bands(2, regular(2, 2)), [0, 1], np.eye(3)), "`spin` must have shape (14, 14), but has (3, 3)."),
    (lambda: spin_chern_number(bands(2, regular(2, 2)), [0, 1], 1j * np.eye(14)), "`spin` must be Hermitian, but is not."),
    (lambda: converged_chern(MODEL, [14]), "`band_indices` must be distinct bands in 0..13, at least one, but is [14]."),
    (lambda: converged_chern(MODEL, [0], start=1), "`start` must be at least 2, but is 1."),
    (lambda: converged_chern(MODEL, [0], min_link=1.0), "`min_link` must lie in (0, 1), but is 1.0."),
    (lambda: converged_chern(MODEL, [0], max_flux=NAN), "`max_flux` must lie in (0, pi) radians, but is nan."),
    (lambda: converged_geometry(MODEL, [0], start=1), "`start` must lie in 2..59, below max_side, but is 1."),
    (lambda: interband_index(MODEL, Disk((0.0, 0.0), 0.1), INF, 1), "`n` must be an integer, but is inf."),
    (lambda: interband_index(MODEL, Disk((0.0, 0.0), 0.1), 0, 0), "`m` must differ from n, but is 0."),
    (lambda: interband_index(MODEL, Disk((0.0, 0.0), 0.1), 0, 1, coupling_floor=1.0), "`coupling_floor` must lie in (0, 1), but is 1.0."),
    (lambda: interband_index(Dirac(), Zone(LATTICE), 0, 1), "`region` must be a disk or a polygon for a model without a lattice, but is whole zone."),
    (lambda: topological_charges(MODEL, Disk((0.0, 0.0), 0.1), [0]), "`bands` must be at least two distinct bands, but is [0]."),
    (lambda: Disk((0.0, NAN), 0.1), "`centre` must be a finite momentum (kx, ky), but is (0.0, nan)."),
    (lambda: Disk((0.0, 0.0), 0), "`radius` must be positive and finite (in 1/nm), but is 0."),
    (lambda: Polygon([(0, 0), (1, 0)]), "`vertices` must be at least three momenta (kx, ky), but have shape (2, 2)."),
    (lambda: Polygon([(0, 0), (1, 0), (0, INF)]), "`vertices` must be finite, but are [[0.0, 0.0], [1.0, 0.0], [0.0, inf]]."),
    (lambda: Polygon([(0, 0), (1, 0), (1, 0), (0, 1)]), "`vertices` must be distinct along the boundary, but repeat in [[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]."),
    (lambda: Polygon([(0, 0), (2, 0), (1, 0), (0, 1)]), "`vertices` must bound a simple polygon, but fold back at corner 1."),
    (lambda: Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "`vertices` must bound a simple polygon, but edges 0 and 2 meet."),
    (lambda: Zone(LATTICE).boundary_at(0.5), "`region` must have a boundary, but the whole zone has none."),
    (lambda: Ribbon(haldane(), "zigzig", 8), "`edge` must be a termination, but is 'zigzig'; did you mean 'zigzag'?"),
    (lambda: Ribbon(haldane(), "zigzag", INF), "`n_cells` must be an integer, but is inf."),
    (lambda: strip_spectrum(Ribbon(haldane(), "zigzag", 4), []), "`momenta` must be a list of one or more finite numbers, but is []."),
    (lambda: strip_spectrum(Ribbon(haldane(), "zigzag", 4), [0.0], 99), "`n_states` must lie in 1..8, but is 99."),
    (lambda: in_gap_modes(Ribbon(haldane(), "zigzag", 4), NAN), "`energy_mev` must be finite, but is nan."),
    (lambda: DomainWalls(MassiveDirac(600.0, 0.0), 1.0, 100.0, 101), "`mass_mev` must differ from zero at a domain wall, but is 0."),
    (lambda: DomainWalls(MassiveDirac(600.0, 10.0), 0.0, 100.0, 101), "`width_nm` must be positive, but is 0.0."),
    (lambda: DomainWalls(MassiveDirac(600.0, 10.0), 1.0, 10.0, 101), "`box_nm` must be at least 16 widths, 16 nm, but is 10.0."),
    (lambda: DomainWalls(MassiveDirac(600.0, 10.0), 1.0, 20.0, INF), "`n_plane_waves` must be an integer, but is inf."),
    (lambda: c3_operator(MODEL, "m"), "`point` must be one of gamma, kappa_+, kappa_-, but is 'm'."),
    (lambda: inversion_operator(MODEL, "kappa_+"), "`point` must be one of gamma, m, m', m'', but is 'kappa_+'."),
    (lambda: parities(mo.ContinuumModel(WANG, BASIS, 1, 5.0)), "`displacement_mev` must be 0 for the intravalley inversion, but is 5.0."),
    (lambda: c3_eigenvalues(MODEL, n_bands=14), "`n_bands` must lie in 1..13, but is 14."),
    (lambda: signed_gap(MODEL, "gamma", (0, 1), (9, 0)), "`labels` must be C3 labels of the top 10 levels at gamma, but label 0 has no rank 9 there."),
    (lambda: find_inversion(displacement_family(WANG, 3.7, 1), (30, 20), 0, "gamma"), "`bracket` must be increasing, but is (30, 20)."),
    (lambda: find_gap_closing(displacement_family(WANG, 3.7, 1), (0, 1), 0, tolerance=2.0), "`tolerance` must be positive and smaller than the bracket, but is 2.0."),
    (lambda: find_gap_closing(displacement_family(WANG, 3.7, 1), (0, 1), INF), "`band` must be an integer, but is inf."),
    (lambda: direct_gap_over_zone(MODEL, 0, 8), "`n_mesh` must be a multiple of 6, so that it holds gamma, m, kappa, but is 8."),
    (lambda: find_magic_angle(WANG, (2, 3), n_scan=2), "`n_scan` must be at least 3, but is 2."),
    (lambda: topology_report(MODEL, ((0,),), (5, 6)), "`mesh` must have an even number of points along b_1, as Z2 needs, but is [5, 6]."),
    (lambda: hall_resistance(0), "`chern` must be nonzero for a Hall plateau, but is 0."),
    (lambda: streda_fan([], [0.0], 25.0), "`lines` must hold at least one StredaLine, but are empty."),
    (lambda: StredaLine.of(1, 1).density([1.0], -2.0), "`cell_area_nm2` must be positive, but is -2.0."),
    (lambda: fit_streda([1, 2], [1, 2], 25.0), "`field_tesla` must have at least three points, but has 2."),
    (lambda: fit_streda([1, 2, 3], [1, 2], 25.0), "`density_per_nm2` must have one value per field, shape (3,), but has shape (2,)."),
    (lambda: fit_streda([1, 1, 1], [1, 2, 3], 25.0), "`field_tesla` must hold different fields, but holds 1 alone."),
    (lambda: fit_streda([1, 2, NAN], [1, 2, 3], 25.0), "`field_tesla` must be finite, but is [1.0, 2.0, nan]."),
    (lambda: fit_streda([1, 2, 3], [1, INF, 3], 25.0), "`density_per_nm2` must be finite, but is [1.0, inf, 3.0]."),
    (lambda: fit_streda([1, 2, 3], [1, 2, 3], 25.0, 0.0), "`density_error_per_nm2` must be positive, but is 0.0."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), CASES)
def test_the_sentence(call, sentence):
    with pytest.raises(mo.MoireError) as failure:
        call()
    assert str(failure.value) == sentence
