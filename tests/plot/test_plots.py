"""Figures draw what the results hold: values read back from the artists."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import plot
from moire.models import ChiralMultilayer, HaldaneModel
from moire.topology import (
    DomainWalls,
    Ribbon,
    StredaLine,
    chern_number,
    in_gap_modes,
    index_versus_radius,
    interband_index,
    streda_fan,
    strip_spectrum,
    wilson_loops,
)
from moire.topology.regions.shapes import Disk

HALDANE = HaldaneModel(0.25, 1000.0, 150.0)


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture(scope="module")
def haldane_bands():
    return mo.solve_bands(HALDANE, mo.MomentumGrid.regular(HALDANE.lattice, 8, 8), 2)


def test_bands_along_the_path(ax, wang_3p89):
    bands = mo.solve_bands(wang_3p89, mo.KPath.through(wang_3p89.lattice, points_per_segment=4), 2)
    assert plot.plot_bands(bands, ax) is ax
    drawn = [line.get_ydata() for line in ax.lines[:2]]
    np.testing.assert_array_equal(drawn, bands.energies[0].T)
    assert ax.get_xticklabels()[0].get_text() == r"$\gamma$"
    with pytest.raises(mo.InputError, match="on a KPath"):
        plot.plot_bands(mo.solve_bands(wang_3p89, mo.MomentumGrid.regular(wang_3p89.lattice, 2, 2), 1), ax)


def test_flux_and_wannier_flow(ax, haldane_bands):
    result = chern_number(haldane_bands, [0])
    plot.plot_flux(result, HALDANE.lattice, ax)
    drawn = ax.collections[0].get_array()
    assert drawn.shape == (8, 8)
    assert drawn.mean() == pytest.approx(result.value)
    flow = plot.plot_wannier_flow(wilson_loops(haldane_bands, [0]), Figure().subplots())
    assert f"winding C = {result.rounded:+d}" in flow.get_title()
    assert len(flow.lines[0].get_xdata()) == 9


def test_spectrum_marks_the_predicted_states(ax, small_problem):
    spectrum = mo.solve_all_sectors(small_problem([[2, 0], [0, 3]]), (2, 3), 3)
    plot.plot_spectrum(spectrum, ax)
    marked = ax.lines[1].get_ydata() + spectrum.ground_energy
    assert sorted(marked) == pytest.approx(spectrum.manifold.energies)


def test_phase_diagram_has_one_colour_per_integer(ax):
    values = np.array([[-1.0, -1.0, 0.0], [-1.0, 0.0, np.nan]])
    plot.plot_phase_diagram([0, 1, 2], [0, 1], values, ax)
    image = ax.collections[0]
    assert image.norm(-1) != image.norm(0)
    assert np.ma.count(image.get_array()) == 5


def test_trends(ax):
    columns = {"theta": [3.0, 3.5], "gap": [1.0, 2.0], "splitting": [0.1, 0.2], "chern_0": [-1.0, -1.0]}
    plot.plot_fci_trend(columns, "3x4", ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), columns["gap"])
    chern = plot.plot_chern_trend(columns, ["chern_0"], Figure().subplots())
    np.testing.assert_array_equal(chern.lines[0].get_ydata(), [-1, -1])


def test_streda_fan_is_a_line_per_state(ax):
    fan = streda_fan([StredaLine.of("-1", "-1"), StredaLine.of("-2/3", "-2/3")], [0.0, 1.0], 25.0)
    plot.plot_streda(fan, ax)
    np.testing.assert_allclose([line.get_xdata()[0] for line in ax.lines], [-1, -2 / 3])


def test_strip_and_index(ax):
    ribbon = Ribbon(HALDANE, "zigzag", 8)
    spectrum = strip_spectrum(ribbon, np.linspace(0, 20, 5))
    plot.plot_strip(spectrum, ax)
    assert len(ax.collections[0].get_offsets()) == spectrum.energies.size
    scan = index_versus_radius(ChiralMultilayer(2, 600.0, 380.0, 30.0), (0.0, 0.0), [0.1, 0.2], 0, 1)
    drawn = plot.plot_index_versus_radius(scan, Figure().subplots())
    np.testing.assert_allclose(drawn.lines[0].get_ydata(), [-2, -2], atol=1e-9)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_kink_modes_are_counted_by_the_interband_index(n_layers):
    """Theta_01 changes sign with the mass: half its change is the number of modes that a wall binds."""
    model, mirror = (ChiralMultilayer(n_layers, 600.0, 380.0, mass) for mass in (30.0, -30.0))
    disk = Disk((0.0, 0.0), 0.3)
    change = interband_index(model, disk, 0, 1).rounded - interband_index(mirror, disk, 0, 1).rounded
    modes = in_gap_modes(DomainWalls(model, 10.0, 400.0, 41), 0.0)
    assert abs(change) == 2 * n_layers
    assert modes.chirality(0) == -change // 2


def test_phase_map_ends_at_the_outermost_points(ax):
    columns = {"D": [0.0, 20.0, 22.0, 24.0], "theta": [3.0, 3.0, 3.0, 3.4], "phase": ["AFMxy", "AFMz", "BI", "BI"]}
    columns["margin"] = [np.nan] * 4  # no other phase: nothing to hatch
    plot.plot_phase_map(columns, "D", "theta", ax, resolution=20)
    np.testing.assert_allclose(ax.images[0].get_extent(), [0, 24, 3.0, 3.4])
    assert not ax.collections


def test_chern_numbers_stand_in_the_regions_of_a_phase_map(ax):
    """A region of one phase and |C|; states that time reversal relates have opposite signs."""
    theta, field = (values.ravel() for values in np.meshgrid(np.arange(6.0), np.arange(3.0)))
    columns = {"theta": theta, "D": field, "margin": np.full(18, np.nan)}
    columns["phase"] = np.where(theta < 3, "AFMz", "BI")
    columns["chern"] = np.where(theta < 3, np.where(field > 0, 1.0, -1.0), np.where(theta < 4, np.nan, 0.0))
    plot.plot_phase_map(columns, "theta", "D", ax, resolution=60)
    written = {text.get_text(): text.get_position() for text in ax.texts}
    assert set(written) == {"|C| = 1", "|C| = 0"}
    assert len(ax.texts) == 2
    assert 0 < written["|C| = 1"][0] < 2.5 < 3.5 < written["|C| = 0"][0] < 5


def test_cells_that_cutoffs_can_decide_are_hatched():
    columns = {
        "D": np.array([0.0, 1.0, 2.0, 3.0]),
        "theta": np.array([3.0, 3.0, 4.0, 4.0]),
        "phase": np.array(["AFMz", "BI", "AFMz", "BI"]),
        "margin": np.array([0.06, 0.3, np.nan, 5.0]),
    }

    def hatched(**options):
        ax = plot.plot_phase_map(columns, "theta", "D", Figure().subplots(), **options)
        (areas,) = ax.collections or (None,)
        return None if areas is None else (areas, ax.get_legend().get_texts()[-1].get_text())

    areas, label = hatched()
    (path,) = (path for path in areas.get_paths() if len(path.vertices))
    low, high = path.get_extents().get_points()
    assert low[1] == 0.0 < high[1] < 1.0  # the cell of D = 0 and no more
    assert "0.25 meV per cell" in label
    assert "0.05" not in label
    assert hatched(undecided_mev=0.05) is None
    assert hatched(undecided_mev=0.0) is None
    assert "1 meV" in hatched(undecided_mev=1.0)[1]


def test_the_zone_beside_the_bands_has_the_path_inside():
    """Every corner of the path lies in the hexagon about gamma, at its name."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
    path = mo.KPath.through(lattice, points_per_segment=2)
    bands = mo.solve_bands(mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 2)), path, 1)
    (inset,) = plot.plot_bands(bands, Figure().subplots(), zone=True).child_axes
    hexagon, line = inset.lines[0].get_xydata(), inset.lines[1].get_xydata()
    np.testing.assert_allclose(line, path.points)
    assert np.linalg.norm(line, axis=1).max() == pytest.approx(np.linalg.norm(hexagon[0]))  # at kappa
    assert inset.texts[0].get_text() == r"$\gamma$"
