import numpy as np
import pytest

import moire as mo

POINTS = {"gamma": "gamma", "kappa": "kappa_+", "m": "m"}


@pytest.mark.parametrize("row", ["WANG_2023_3p89", "REDDY_2023_3p0", "WU_2019_1p2"])
@pytest.mark.parametrize("shells", [5, 6])
def test_energies_of_the_literature_table(targets, build_model, row, shells):
    target = targets["bands"][row]
    model = build_model(target["set"], target["theta"], shells)
    assert model.lattice.period_nm == pytest.approx(target["aM_nm"], abs=1e-5)
    path = mo.KPath.through(model.lattice, list(POINTS.values()), points_per_segment=1)
    bands = mo.solve_bands(model, path, n_bands=3)
    expected = np.array([target[name] for name in POINTS])
    np.testing.assert_allclose(bands.energies[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "index"), [("WANG_2023", 0), ("WANG_2023", 1), ("WANG_2023", 2), ("REDDY_2023", 0), ("REDDY_2023", 1)]
)
def test_widths_gaps_and_chern_numbers_of_the_summary(targets, build_model, name, index):
    target = targets["bands"]["summary"][name][index]
    model = build_model(name, target["theta"])
    # 12 is a multiple of 6: gamma, m and both kappa, where the extrema are, lie on the mesh.
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 12, 12), n_bands=3)
    assert bands.width(0) == pytest.approx(target["W1"], abs=1e-3)
    assert bands.gap(0) == pytest.approx(target["gap12"], abs=1e-3)
    if "direct_gap12" in target:
        assert bands.direct_gap(0) == pytest.approx(target["direct_gap12"], abs=1e-3)
        assert bands.width(1) == pytest.approx(target["W2"], abs=2e-3)
    for band, chern in enumerate(target["chern"]):
        result = mo.topology.chern_number(bands, [band])
        assert result.value == pytest.approx(chern, abs=1e-9)
        assert result.is_reliable


def test_top_band_is_flattest_at_the_magic_angle(targets, build_model):
    # Every set that has a printed or derived magic angle: the width rises on both sides of it.
    for name, magic in targets["bands"]["summary"]["flattest_angle_deg"].items():
        widths = []
        for theta in (0.94 * magic, magic, 1.06 * magic):
            model = build_model(name, theta, shells=4)
            bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 6, 6), n_bands=1)
            widths.append(bands.width(0))
        assert widths[1] < 0.9 * min(widths[0], widths[2]), (name, widths)


@pytest.mark.parametrize(
    ("name", "theta", "chern"),
    [
        # Valley K. DEVAKUL_2021 has the opposite sign of phi: opposite Chern number (|C| = 1 in arXiv:2106.11954).
        ("DEVAKUL_2021", 1.43, [+1]),
        ("WU_2019", 1.2, [-1]),
        ("JIA_2023_FIRST_HARMONIC", 3.89, [-1]),
        # arXiv:2403.17003: near 2 degrees the first two moire bands have the same Chern number.
        ("XU_2024", 2.14, [-1, -1]),
    ],
)
def test_known_chern_numbers_of_other_sets(build_model, name, theta, chern):
    model = build_model(name, theta, shells=4)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 12, 12), n_bands=len(chern) + 1)
    for band, expected in enumerate(chern):
        result = mo.topology.chern_number(bands, [band])
        assert result.rounded == expected, (band, result)
        assert result.is_reliable


@pytest.mark.filterwarnings("ignore::moire.MeshWarning")  # links are short beside a closing gap
@pytest.mark.parametrize(("key", "theta"), [("WANG_2023_3p89", 3.89), ("WANG_2023_3p5", 3.5), ("WANG_2023_3p0", 3.0)])
def test_displacement_field_closes_the_top_gap(targets, build_model, key, theta):
    closing = targets["bands"]["summary"]["displacement_gap_closing_mev"][key]
    gaps, cherns = [], []
    for field in (closing - 1.5, closing + 1.5):
        model = build_model("WANG_2023", theta, shells=4, displacement_mev=field)
        bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 9, 9), n_bands=2)
        gaps.append(bands.direct_gap(0))
        cherns.append(mo.topology.chern_number(bands, [0]).rounded)
        closest = np.argmin(bands.energies[0, :, 0] - bands.energies[0, :, 1])
        assert bands.grid.labels[closest].tolist() == [3, 3]  # kappa_-
    assert cherns == [-1, 0]
    # The gap of a Dirac point is |D - D_c| times a slope: interpolate its signed value.
    crossing = closing - 1.5 + 3 * gaps[0] / sum(gaps)
    assert crossing == pytest.approx(closing, abs=0.5)


def test_axes_layout_and_read_only(build_model):
    models = [build_model("WANG_2023", 3.89, shells=2, valley=v) for v in (+1, -1)]
    grid = mo.MomentumGrid.regular(models[0].lattice, 3, 4)
    bands = mo.solve_bands(models, grid, n_bands=3)
    assert bands.energies.shape == (2, 12, 3)
    assert bands.states.shape == (2, 12, 3, *models[0].state_shape)
    assert np.all(np.diff(bands.energies, axis=2) <= 0)  # band 0 nearest the gap
    flat = bands.states.reshape(2, 12, 3, -1)
    overlaps = np.einsum("fkmi,fkni->fkmn", flat.conj(), flat)
    np.testing.assert_allclose(overlaps, np.broadcast_to(np.eye(3), overlaps.shape), atol=1e-12)
    for flavour, model in enumerate(models):
        expected = np.linalg.eigvalsh(model.hamiltonian(grid.points[7]))[::-1][:3]
        np.testing.assert_allclose(bands.energies[flavour, 7], expected, atol=1e-10)
    assert not bands.energies.flags.writeable
    assert not bands.states.flags.writeable
    assert bands.direct_gap(0) >= bands.gap(0)
    assert "gap to next" in str(bands)


def test_number_of_threads_changes_no_bit(build_model):
    model = build_model("WANG_2023", 3.89, shells=2)
    grid = mo.MomentumGrid.regular(model.lattice, 4, 4)
    one, two = (mo.solve_bands(model, grid, 2, n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.states, two.states)
