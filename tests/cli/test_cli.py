"""The command line, as a user calls it."""

import contextlib
import io
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

import moire as mo
from moire.cli import cli, main
from moire.exact_diagonalization import PairHamiltonian
from moire.io import read_diagham, read_fcidump, read_hamiltonian, read_record, read_spectrum
from moire.parameters import WANG_2023

ROOT = Path(__file__).parents[2]


def process(*arguments, **environment):
    """Run the command in a process of its own: a second or two until everything is imported and loaded."""
    command = [sys.executable, "-m", "moire", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment}
    )


def moire(*arguments, **environment):
    """Run the command in this process, or in another one if it needs an environment of its own."""
    if environment:
        return process(*arguments, **environment)
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        patch.setattr(sys, "argv", ["moire", *map(str, arguments)])
        patch.setattr(logging.getLogger("moire"), "level", logging.WARNING)  # which --verbose changes
        warnings.simplefilter("default")
        warnings.showwarning = lambda *shown: print(warnings.formatwarning(*shown[:4]), end="", file=stderr)
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    return SimpleNamespace(returncode=code, stdout=stdout.getvalue(), stderr=stderr.getvalue())


def test_one_point_from_numbers_to_figure(tmp_path):
    file, figure = tmp_path / "ed.h5", tmp_path / "ed.png"
    options = ("--twist", 3.7, "--cluster", "2x3", "--filling", "-2/3", "--shells", 3, "--q-cutoff", 2)
    done = process("ed", *options, "--output", file, "--figure", figure)
    assert done.returncode == 0, done.stderr
    assert "E0 per carrier" in done.stdout
    assert figure.read_bytes().startswith(b"\x89PNG")
    spectrum = read_spectrum(read_record(file))
    assert f"{spectrum.energy_per_carrier:.6f} meV" in done.stdout
    shown = moire("show", file)
    assert "spectrum/energies" in shown.stdout
    assert "(6, 4) float64 meV  sector level" in shown.stdout


def test_bands_and_chern_print_what_they_are():
    bands = moire("bands", "--twist", 3.89, "--mesh", "6x6", "--shells", 4)
    assert "WANG_2023, theta = 3.89 deg, D = 0 meV, valley K, 4 shells, 36 momenta" in bands.stdout
    chern = moire("chern", "--twist", 3.89, "--mesh", "6x6", "--shells", 4, "--groups", "0,0+1", "--valley", -1)
    assert "C[0] = +1.000000 on 6x6" in chern.stdout
    assert "curvature route" in chern.stdout


def test_memory_is_stated_when_asked():
    done = process("-v", "bands", "--twist", 3, "--mesh", "3x3", "--shells", 3)
    assert "3 bands at 9 momenta: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("bands", "--twist", -1), "`--twist` must lie in (0, 30] degrees, but is -1.0."),
        (("bands", "--twist", 3, "--set", "WANG"), "did you mean 'WANG_2023'?"),
        (("bands",), "Missing option '--twist'."),
        (("bands", "--twist", 3, "--mesh", "18"), "`--mesh` must read N1xN2, such as 6x6, but is '18'."),
        (("bands", "--twist", 3, "--figure", "x.png"), "`--output` must be given with --figure, but is missing."),
        (("chern", "--twist", 3, "--groups", "a"), "`--groups` must be groups of bands such as 0,1,0+1, but is 'a'."),
        (("ed", "--twist", 3, "--cluster", "3x4", "--filling", "-3/5"), "3x5, 4x5, 5x5, 5x6 would fit."),
        (("ed", "--twist", 3, "--cluster", "1,2,3", "--filling", "-2/3"), "four integers T11,T12,T21,T22"),
        (("ed", "--twist", 3, "--cluster", "0x5", "--filling", "-2/3"), "`--cluster` must be N1xN2 with positive"),
        (("clusters", "--filling", "-2/3", "--rows", 0), "`--rows` must be at least 1, but is 0."),
        (
            ("bands", "--twist", 3, "--output", "."),
            "`--output` must be a new file or an earlier result, but . is a folder.",
        ),
        (("bands", "--twist", 3, "--output", "/dev/null/x.h5"), "`--output` must lie in a folder that can be written"),
        (("bands", "--twist", 3, "--mesh", "30000x30000"), "`--mesh` must be at most 10000, but is 30000."),
        (("bands", "--twist", 3, "--displacement", "nan"), "`--displacement` must be finite, but is nan."),
        (("bands", "--twist", 3, "--segment", 10**12), "`--segment` must be at most 10000, but is 1000000000000."),
        (("bands", "--twist", 3, "--set", "WANG\x1b[2J"), r"`--set` must be a published set, but is 'WANG\x1b[2J'"),
        (("bands", "--twist", 3, "--shells", 1e300), "`--shells` must be at most 100, but is 1e+300."),
        (("chern", "--twist", 3, "--groups", "0+0"), "`--groups` must hold groups of different bands"),
        (("hf", "--twist", 3, "--mesh", "1000x1000"), "`--mesh` must have at most 10000 momenta, but has 1000000."),
        (("hf", "--twist", 3, "--guesses", "a\nb"), r"`--guesses` must hold only characters that can be printed"),
        (("ed", "--twist", 3, "--cluster", "1000000x1000002", "--filling", "-2/3"), "`--cluster` must be at most 1000"),
        (
            ("ed", "--twist", 3, "--cluster", "3x4", "--filling", "1e1000000"),
            "`--filling` must be a number of holes per cell",
        ),
        (
            ("ed", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--states", 10**12),
            "`--states` must be at most",
        ),
        (("ed", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--seed", -1), "`--seed` must be at least 0"),
        (("export", "--twist", 3, "--cluster", "1000,1,1,1000", "--output", "x"), "`--cluster` must have at most 1000"),
        (("show", "absent.h5"), "`absent.h5` must be a file, but there is none."),
        (("sweep", "absent.toml"), "`plan` must be a readable file"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = moire(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_command_loads_nothing_slow_that_it_does_not_use():
    source = "import moire.cli, sys; print(*{'matplotlib', 'mpi4py', 'scipy.stats'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.strip() == ""


def test_other_files_are_never_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("do not touch")
    done = process("bands", "--twist", 3, "--mesh", "3x3", "--shells", 2, "--output", tmp_path / "notes.txt")
    assert done.returncode == 2
    assert "is another file" in done.stderr
    assert (tmp_path / "notes.txt").read_text() == "do not touch"
    assert "must be an HDF5 file" in moire("show", tmp_path / "notes.txt").stderr


def test_dry_run_lists_the_points(tmp_path):
    done = process("sweep", ROOT / "data" / "plans" / "demo.toml", "--dry-run", "--output", tmp_path / "out")
    assert done.returncode == 0
    assert "ed at 3.7 deg, D = 0 meV, 3x5 at -3/5, eps = 10" in done.stdout
    assert not (tmp_path / "out").exists()


def test_a_tilted_cluster_and_its_energy(tmp_path):
    file = tmp_path / "ed.h5"
    options = ("--twist", 3.7, "--filling", "-2/3", "--shells", 3, "--q-cutoff", 2, "--output", file)
    assert moire("ed", *options, "--cluster", "2,1,-1,4").returncode == 0
    tilted = read_spectrum(read_record(file)).ground_energy
    assert moire("ed", *options, "--cluster", "2,1,-3,3").returncode == 0  # the same lattice of clusters
    assert np.isclose(read_spectrum(read_record(file)).ground_energy, tilted, atol=1e-8)


def test_results_of_another_kind_are_not_written_over(tmp_path):
    path = tmp_path / "bands.h5"
    small = ("--twist", 3, "--mesh", "3x3", "--shells", 3)
    assert moire("bands", *small, "--output", path).returncode == 0
    before = path.read_bytes()
    done = moire("chern", *small, "--output", path)
    assert done.returncode == 2
    assert "`--output` must be a new file or an earlier result of kind 'chern', but" in done.stderr
    assert path.read_bytes() == before
    assert moire("bands", *small, "--output", path).returncode == 0  # its own kind it may


def test_what_cannot_be_written_is_told_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    for option, name in (("--output", "output"), ("--figure", "figure")):
        extra = () if option == "--output" else ("--output", tmp_path / "x.h5")
        done = moire("bands", "--twist", 3, option, tmp_path / "file" / "x.png", *extra)
        assert done.returncode == 2
        assert f"`--{name}` must lie in a folder that can be written" in done.stderr


def test_a_sweep_is_collected_in_a_table(tmp_path):
    plan, folder, table = tmp_path / "plan.toml", tmp_path / "out", tmp_path / "bands.csv"
    model = '[model]\nparameter_set = "WANG_2023"\ntwist_deg = [3.5, 3.7]\nplane_wave_shells = 3\n'
    plan.write_text(f'tasks = ["bands"]\n{model}[bands]\nmesh = [3, 3]\npoints_per_segment = 1\n')
    assert moire("sweep", plan, "--output", folder).returncode == 0
    done = moire("collect", folder, "--to", table)
    assert done.stdout == f"Written to {table}: 2 rows.\n"
    assert table.read_text().startswith("parameters,D (meV),theta (deg),")
    again = moire("collect", folder, "--to", table)
    assert again.returncode == 2
    assert again.stderr == f"Error: `--to` must be a new file, but {table} exists.\n"
    plan.write_text(plan.read_text().replace("[3.5, 3.7]", "3.5"))
    assert "1 row." in moire("collect", folder, "--to", tmp_path / "one.h5", "--plan", plan).stdout
    assert "`folder` must be a results folder" in moire("collect", plan, "--to", tmp_path / "x.csv").stderr


def test_an_fci_report_without_its_long_parts():
    short = ("--shells", 3, "--q-cutoff", 2, "--flux", "", "--phases", "0x0", "--no-charge-gap")
    done = moire("fci", "--twist", 3.7, "--cluster", "3x4", "--filling", "-2/3", *short)
    assert done.returncode == 0, done.stderr
    assert "\nChecks:" in done.stdout
    assert "many-body Chern number" not in done.stdout


def test_exports_beside_an_earlier_one_are_refused(tmp_path):
    path = tmp_path / "interaction"
    path.with_name("interaction.onebody").write_text("mine")
    options = ("--twist", 3.7, "--cluster", "2x3", "--format", "diagham", "--output", path)
    done = moire("export", *options)
    assert done.returncode == 2
    assert "interaction.onebody exists." in done.stderr
    assert path.with_name("interaction.onebody").read_text() == "mine"


def test_clusters_are_suggested():
    done = moire("clusters", "--filling", "-2/3", "--max-sites", 15, "--rows", 5)
    assert done.returncode == 0, done.stderr
    assert " 4,2,-2,2  1.000   C6" in done.stdout


@pytest.mark.parametrize("form", ["3,1,0,3", "[[3, 1], [0, 3]]", "9 [[3, 1], [0, 3]]"])
def test_a_cluster_is_read_in_every_form_that_is_printed(form):
    (option,) = (option for option in cli.commands["ed"].params if option.name == "cluster")
    assert option.type.convert(form, option, None) == ((3, 1), (0, 3))


@pytest.mark.parametrize("form", ["9 [[3, 1], [0, 3", "[[3, 1], [0, 3]] x", "3,1,0", "[3x4]"])
def test_no_other_form_of_a_cluster_is_read(form):
    (option,) = (option for option in cli.commands["ed"].params if option.name == "cluster")
    with pytest.raises(mo.InputError, match="`--cluster` must be N1xN2 with positive sides or four integers"):
        option.type.convert(form, option, None)


OWN_SET = """
potential_mev = 20.8
potential_phase_deg = -107.7
tunnelling_mev = -23.8
effective_mass = 0.6
lattice_constant_nm = 0.352
"""


@pytest.mark.parametrize("heading", ["", "[parameter_set]", "[model.parameter_set]"])
def test_a_parameter_set_of_a_file_is_taken(heading, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f"{heading}\nname = 'mine'{OWN_SET}")
    options = ("--twist", 3.7, "--mesh", "3x3", "--segment", 1, "--shells", 4)
    own, published = (moire("bands", *options, "--set", chosen).stdout for chosen in (path, "WANG_2023"))
    assert "mine, theta = 3.7 deg" in own
    assert own.replace("mine", "WANG_2023") == published


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (OWN_SET, "mine.toml: `name` must be given, but is missing."),
        (f"name = 3{OWN_SET}", "mine.toml, line 1: `name` must be a text in quotes, but is 3."),
        (f"name = 'x'{OWN_SET}masss = 1", "mine.toml, line 7: `masss` is not a key of a parameter set; known are"),
        (
            f"name = 'x'{OWN_SET}".replace("0.6", "1e300"),
            "line 5: `effective_mass` must be at most 1000, but is",
        ),
        ("model = 3", "mine.toml, line 1: A parameter set must be a table, but is 3."),
        ("x = [", "`--set` must be valid TOML, but"),
    ],
)
def test_a_faulty_parameter_set_is_refused_in_one_sentence(text, sentence, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    done = moire("bands", "--twist", 3.7, "--set", path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folded_default_cutoff_names_the_angle():
    done = moire("bands", "--twist", 0.001)
    assert done.returncode == 2
    assert "`--twist` must be larger without a cutoff of its own, but is 0.001, where the default" in done.stderr


def test_an_fcidump_needs_its_number_of_carriers(tmp_path):
    done = moire("export", "--twist", 3.7, "--cluster", "2x3", "--format", "fcidump", "--output", tmp_path / "x")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: `--filling` must be given for fcidump, which names the number of carriers")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("layout", ["hdf5", "fcidump", "diagham"])
def test_exported_hamiltonians_come_back(layout, tmp_path):
    path = tmp_path / "hamiltonian"
    options = ("--twist", 3.7, "--shells", 3, "--q-cutoff", 2, "--cluster", "2x3")
    options += ("--filling", "-2/3") if layout == "fcidump" else ()
    done = moire("export", *options, "--format", layout, "--output", path)
    assert done.returncode == 0, done.stderr
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, WANG_2023.lattice_constant_nm), 2, 3)
    if layout == "hdf5":
        hamiltonian = read_hamiltonian(read_record(path))
    elif layout == "fcidump":
        hamiltonian = read_fcidump(path, grid)
        again = moire("export", *options, "--format", layout, "--output", path)
        assert again.returncode == 2
        assert "must be a new file" in again.stderr
    else:
        hamiltonian = read_diagham(path, path.with_name("hamiltonian.onebody"), grid)
    model = mo.ContinuumModel(WANG_2023, mo.PlaneWaveBasis(grid.lattice, 3))
    problem = mo.project(mo.solve_bands(model, grid, 1), mo.ScreenedCoulomb(epsilon_r=10), q_cutoff=2)
    np.testing.assert_allclose(hamiltonian.levels, problem.one_body[0, :, 0], atol=1e-9)
    diagonal = PairHamiltonian.from_problem(problem).pair_diagonal
    np.testing.assert_allclose(hamiltonian.pair_diagonal, diagonal, atol=1e-9)
    assert np.abs(diagonal).max() > 1


def test_an_exported_hamiltonian_has_the_interaction_asked_for(tmp_path):
    path = tmp_path / "hamiltonian.h5"
    options = ("--twist", 3.7, "--shells", 3, "--q-cutoff", 2, "--cluster", "2x3", "--gates", "single")
    done = moire("export", *options, "--layer-distance", 0.7, "--zero-momentum", "keep", "--output", path)
    assert done.returncode == 0, done.stderr
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, WANG_2023.lattice_constant_nm), 2, 3)
    bands = mo.solve_bands(mo.ContinuumModel(WANG_2023, mo.PlaneWaveBasis(grid.lattice, 3)), grid, 1)
    interaction = mo.ScreenedCoulomb(epsilon_r=10, gates="single", layer_distance_nm=0.7)
    asked = PairHamiltonian.from_problem(mo.project(bands, interaction, q_cutoff=2, zero_momentum="keep"))
    default = PairHamiltonian.from_problem(mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10), q_cutoff=2))
    found = read_hamiltonian(read_record(path)).pair_diagonal
    np.testing.assert_allclose(found, asked.pair_diagonal, atol=1e-9)
    assert np.abs(found - default.pair_diagonal).min() > 1


INTERRUPTED_WHILE_COMPILING = RuntimeError("compilation failed")
INTERRUPTED_WHILE_COMPILING.__context__ = KeyboardInterrupt()


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (KeyboardInterrupt(), 130),
        (INTERRUPTED_WHILE_COMPILING, 130),
        (EOFError("Ran out of input"), EOFError),  # of a cut pickle; click takes it for the end of a terminal
        (RuntimeError("no interrupt"), RuntimeError),
        (OSError(28, "No space left on device"), OSError),
        (click.Abort(), click.Abort),
        (mo.InputError("`a` must be 1, but is 2."), 2),
        (click.UsageError("no such option"), 2),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_only_an_interrupt_is_called_one(failure, code, monkeypatch, capsys):
    def fail(**_):
        raise failure

    monkeypatch.setattr(cli.commands["clusters"], "callback", fail)
    monkeypatch.setattr(sys, "argv", ["moire", "clusters", "--filling", "-2/3"])
    expected = SystemExit if isinstance(code, int) else code
    with pytest.raises(expected) as caught:
        main()
    assert type(caught.value) is expected
    assert ("Interrupted" in capsys.readouterr().err) == (code == 130)
    if expected is SystemExit:
        assert caught.value.code == code
