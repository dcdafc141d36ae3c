"""The task hf: one point, a plan that refines its boundaries, files and figures."""

from itertools import pairwise

import numpy as np
import pytest

from moire.errors import InputError
from moire.io import read_hartree_fock, read_record, write_record
from moire.parameters import WANG_2023
from moire.report.figures import draw_file, draw_folder
from moire.sweep import (
    HfTask,
    ModelPoint,
    Request,
    ResultsFolder,
    Table,
    collect,
    compute,
    midpoints,
    parse_plan,
    run_plan,
)
from moire.tasks.hf_figure import state_figure

SMALL = {"mesh": (3, 3), "n_bands": 2, "q_cutoff": 1.5, "guesses": ("AFMxy", "AFMz", "layer_polarised")}
POINT = ModelPoint(parameters=WANG_2023, twist_deg=3.89, displacement_mev=20.0, plane_wave_shells=3)


@pytest.fixture(scope="module")
def outcome():
    return compute(Request(point=POINT, task=HfTask(epsilon_r=(10.0, 40.0), **SMALL)))


def test_a_file_says_what_was_found(outcome, tmp_path):
    path = tmp_path / "hf.h5"
    write_record(path, outcome.record)
    record = read_record(path)
    assert record.kind == "hf"
    assert record.attributes["warnings"] == outcome.record.attributes["warnings"]
    for name, dataset in record.datasets.items():
        assert dataset.doc, name
    stored = read_hartree_fock(record)
    assert stored.filling == 2
    assert stored.epsilon_r.tolist() == [10, 40]
    known = np.isfinite(stored.energies)
    assert (known == (stored.phases != "")).all()
    assert (np.diff(np.where(known, stored.energies, np.inf), axis=1)[known[:, 1:]] >= -1e-9).all()
    np.testing.assert_allclose(stored.weights.sum(axis=(1, 2)), 18)
    # the density of the moire cell integrates to the filling
    element = stored.grid.lattice.cell_area_nm2 / stored.points.shape[0] ** 2
    np.testing.assert_allclose(stored.layer_density.sum(axis=(1, 2, 3)) * element, 2)
    parts = record["state/energy_parts"].sum(axis=1)
    np.testing.assert_allclose(parts, stored.energies[:, 0])


def test_the_text_names_the_phase_and_the_competitors(outcome):
    assert "rule: empty without carriers" in outcome.text
    assert "The lowest state was reached by" in outcome.text
    assert "E - E_0 (meV/cell)" in outcome.text
    for guess in SMALL["guesses"]:
        assert guess in outcome.text


@pytest.mark.slow
def test_all_plane_waves_are_all_bands():
    point = ModelPoint(parameters=WANG_2023, twist_deg=3.89, displacement_mev=20.0, plane_wave_shells=1)
    options = {"mesh": (2, 3), "guesses": ("AFMz",), "epsilon_r": (10.0, 40.0), "points_per_segment": 2}
    bands, waves = (compute(Request(point=point, task=HfTask(n_bands=n, **options))) for n in (14, "all"))
    for name in ("energy_per_cell", "gap", "layer_polarisation"):
        np.testing.assert_allclose(waves.record["summary/" + name], bands.record["summary/" + name], atol=1e-5)
    assert bands.record["path/energies"].shape == (1, 9, 28)
    own = waves.record["path/energies"]
    assert own.shape == (1, 9, 8)
    np.testing.assert_allclose(own, bands.record["path/energies"][:, :, :8], atol=1e-3)
    assert "all, 14 plane waves" in waves.text
    assert "Undecided" not in waves.text


@pytest.mark.slow
def test_excitations_of_all_plane_waves_are_those_of_all_bands():
    point = ModelPoint(parameters=WANG_2023, twist_deg=3.89, displacement_mev=15.0, plane_wave_shells=1)
    options = {"filling": "-1", "mesh": (2, 2), "guesses": ("valley_polarised",), "epsilon_r": (30.0,), "n_modes": 2}
    bands = compute(Request(point=point, task=HfTask(n_bands=14, **options)))
    for n, equal in ((14, True), (6, False)):
        waves = compute(Request(point=point, task=HfTask(n_bands="all", excitation_bands=n, **options)))
        modes = [outcome.record["excitations/energies"] for outcome in (waves, bands)]
        assert modes[0].shape == (4, 2)
        assert np.allclose(*modes, atol=1e-5) == equal
        assert f"{n} bands per valley nearest the gap" in waves.text


def test_rescaled_interaction_equals_a_run_of_its_own(outcome):
    alone = compute(Request(point=POINT, task=HfTask(epsilon_r=(40.0,), **SMALL)))
    together = outcome.record["summary/energy_per_cell"][1]
    assert alone.record["summary/energy_per_cell"][0] == pytest.approx(together, abs=1e-6)
    assert outcome.record["summary/energy_per_cell"][0] < together - 10  # the interaction matters


def test_a_warm_state_keeps_its_bands():
    warm = HfTask(epsilon_r=(20.0,), temperature_mev=2.0, points_per_segment=2, n_modes=1, **SMALL)
    outcome = compute(Request(point=POINT, task=warm))
    assert outcome.record["path/energies"].shape == (1, 9, 4)
    assert "No excitations" in outcome.text


def test_too_few_plane_waves_are_told():
    few = ModelPoint(parameters=WANG_2023, twist_deg=3.89, plane_wave_shells=2)
    outcome = compute(Request(point=few, task=HfTask(**SMALL)))
    assert any("use more plane_wave_shells" in message for message in outcome.record.attributes["warnings"])


def test_a_boosted_state_says_that_it_has_no_bands_along_the_path():
    options = {"mesh": (3, 3), "n_bands": 1, "epsilon_r": (40.0,), "boost": "+Q", "guesses": ("random",), "n_random": 1}
    outcome = compute(Request(point=POINT, task=HfTask(filling="-1", points_per_segment=2, **options)))
    assert "No bands along the path: they need the moire cell without a boost." in outcome.text
    assert not any(name.startswith("path/") for name in outcome.record.datasets)


def test_figures(outcome, tmp_path):
    path = tmp_path / "hf.h5"
    write_record(path, outcome.record)
    assert draw_file(path, tmp_path / "hf.png").stat().st_size > 10_000


def test_the_figure_marks_the_fermi_level_and_compares_the_layers():
    record = compute(Request(point=POINT, task=HfTask(epsilon_r=(10.0,), points_per_segment=4, **SMALL))).record
    stored = read_hartree_fock(record)
    figure = state_figure(record, "title")
    (level,) = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    energies = stored.path.energies[0]  # two holes per cell: the two top bands of the electrons are empty
    assert energies[:, :2].min() > level > energies[:, 2:].max()
    scales = [ax.collections[0].get_clim() for ax in figure.axes if ax.get_title().startswith("layer")]
    assert scales[0] == scales[1]
    assert len(scales) == 2
    assert scales[0][1] >= np.abs(stored.out_of_plane).max() > 1e-4
    assert stored.phases[0, 0] in figure.get_suptitle()


PLAN = parse_plan(
    {
        "tasks": ["hf"],
        "model": {
            "parameter_set": "WANG_2023",
            "twist_deg": 3.89,
            "displacement_mev": [0, 60],
            "plane_wave_shells": 3,
        },
        "hf": [{"epsilon_r": [10, 40], **{k: list(v) if isinstance(v, tuple) else v for k, v in SMALL.items()}}],
        "refine": {"min_step": 20},
    }
)


def test_a_plan_refines_the_boundaries_of_phases_and_resumes(tmp_path):
    folder = ResultsFolder(tmp_path / "plan")
    folder.open_for_writing()
    lines = []
    requests, report = run_plan(PLAN, folder, say=lines.append)
    fields = sorted({request.point.displacement_mev for request in requests})
    assert len(fields) > 2
    assert any(line.startswith("Refining phase boundaries: ") for line in lines)
    assert not report.failures
    summary = collect(folder, [request.key for request in requests])
    table = summary.tables["hf"]
    for constant in (10, 40):  # neighbours differ in phase only where they are close
        row = np.nonzero(table["epsilon"] == constant)[0]
        for i, j in pairwise(row):
            assert table["phase"][i] == table["phase"][j] or table["D"][j] - table["D"][i] <= 20
    again, resumed = run_plan(PLAN, folder, say=lines.append)
    assert again == requests
    assert (resumed.computed, resumed.failures) == (0, ())
    figures = draw_folder(folder, summary, tmp_path / "figures")
    assert [figure.name for figure in figures] == ["hf-phases.png"]


def table_of(rows):
    from moire.io import Dataset

    names = ("theta", "D", "epsilon", "phase")
    return Table({name: Dataset(np.array([row[i] for row in rows])) for i, name in enumerate(names)})


def test_midpoints_are_put_where_the_phase_changes_and_nowhere_else():
    rows = [(3.9, D, eps, "A" if D + eps < 30 else "B") for D in (0.0, 10.0, 20.0) for eps in (5.0, 15.0, 40.0)]
    template = Request(point=POINT, task=HfTask(**SMALL))
    found = midpoints(table_of(rows), template, "displacement_mev", 1.0)
    assert [(r.point.displacement_mev, r.task.epsilon_r) for r in found] == [(15.0, (15.0,))]
    assert found[0].task.mesh == (3, 3)
    assert midpoints(table_of(rows), template, "displacement_mev", 10.0) == ()
    other = midpoints(table_of([(t, 0.0, 5.0, "AB"[t > 3]) for t in (2.0, 3.0, 4.0)]), template, "twist_deg", 0.1)
    assert [r.point.twist_deg for r in other] == [3.5]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"filling": "-9"}, r"`filling` must lie in \[-4, 4\], the capacity of the bands kept per cell, but is -9"),
        ({"filling": "-1/2"}, r"`filling` must put a whole number of carriers on 3x3, but is -1/2"),
        (
            {"filling": "half"},
            r"`filling` must be a number of holes per cell .*, but is 'half'",
        ),
        (
            {"n_bands": "all", "n_modes": 2, "excitation_bands": 1},
            r"`excitation_bands` must lie in 2..74, from the bands filled to those of a valley, but is 1",
        ),
        ({"n_bands": 500}, r"`n_bands` must lie in 1..74"),
        ({"guesses": ("AFM",)}, r"`guess` must be a known one, but is 'AFM'; did you mean"),
        ({"symmetry": "valley_diagonal"}, r"`guess` must keep the symmetry 'valley_diagonal', but 'AFMxy' breaks it"),
        ({"reference": "none"}, r"`reference` must be one of vacuum"),
        ({"n_random": 0}, r"`n_random` must be at least 1"),
        ({"supercell": ((2, 0), (0, 1))}, r"`supercell` must divide the cluster 3x3"),
        ({"boost": "+Q"}, r"`guess` must be 'spiral' for intervalley order at a boost, but is 'AFMxy'"),
        ({"symmetry": "c3", "supercell": ((1, 0), (0, 3)), "guesses": ("AFMz",)}, r"but 'c3' is none of 3 cells"),
        ({"n_searches": -1}, r"`n_searches` must be at least 0"),
        ({"n_searches": 1, "temperature_mev": 1.0}, r"`n_searches` must be 0 at a nonzero temperature"),
        ({"symmetry": "c3", "mesh": (3, 6)}, r"`symmetry` must be a symmetry of the cluster, but 3x6 .* not threefold"),
        ({"symmetry": "round"}, r"`symmetry` must be one of free"),
        ({"epsilon_r": (20.0, -1.0)}, r"`epsilon_r` must be positive, but is -1.0"),
        ({"gates": "none"}, r"`zero_momentum` must be 'drop' without gates"),
        ({"tolerance_mev": 0.0}, r"`tolerance_mev` must be positive"),
        ({"temperature_mev": -1.0}, r"`temperature_mev` must be finite and not negative"),
        ({"q_cutoff": 0.0}, r"`q_cutoff` must be positive"),
    ],
)
def test_impossible_tasks_are_refused_before_any_work(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        Request(point=POINT, task=HfTask(**(SMALL | changes))).check()


@pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")
def test_a_crossing_between_two_fields():
    small = SMALL | {"crossing": ("AFMxy", "AFMz"), "crossing_field_mev": 40.0, "guesses": ("AFMxy",)}
    outcome = compute(Request(point=POINT, task=HfTask(epsilon_r=(20.0,), **small)))
    value, error = (float(outcome.record[f"summary/crossing_{name}"][0]) for name in ("value", "uncertainty"))
    assert value == pytest.approx(29.99, abs=0.02)  # find_crossing with the displacement family of this problem
    assert 0 < error < 0.02
    assert f" at {value:.4f} +- {error:.4f} (" in outcome.text


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"crossing": ("AFMxy",)}, "`crossing` must hold two guesses or none, but is \\['AFMxy'\\]"),
        (
            {"crossing": ("AFMxy", "AFMz"), "crossing_field_mev": 20.0},
            "`crossing_field_mev` must differ from the field",
        ),
        (
            {"crossing": ("AFMxy", "AFMz"), "crossing_field_mev": 40.0, "temperature_mev": 1.0},
            "`crossing` must be empty at a nonzero temperature",
        ),
    ],
)
def test_impossible_crossings(options, match):
    with pytest.raises(InputError, match=match):
        HfTask(**SMALL | options).check(POINT)
