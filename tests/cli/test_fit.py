"""`moire fit`: from a table of energies to a parameter set that every command takes."""

import pytest

import moire as mo
from moire.cli import cli
from moire.errors import FileFormatError, InputError
from moire.parameters import WANG_2023
from moire.sweep import read_parameters


@pytest.fixture
def table(tmp_path):
    """Energies of the top two bands along a path, in eV, with reduced momenta."""
    lattice = mo.MoireLattice.from_twist(3.89, WANG_2023.lattice_constant_nm)
    path = mo.KPath.through(lattice, points_per_segment=4)
    bands = mo.solve_bands(mo.ContinuumModel(WANG_2023, mo.PlaneWaveBasis(lattice, 2)), path, 2)
    reduced = path.points @ lattice.primitive.T / 6.283185307179586
    lines = [f"{k1},{k2},{a / 1000},{b / 1000}" for (k1, k2), (a, b) in zip(reduced, bands.energies[0], strict=True)]
    file = tmp_path / "bands.csv"
    file.write_text("\n".join(["# top two bands", "k1,k2,e0,e1", *lines]))
    return file


def run(*arguments):
    cli.main(["fit", *map(str, arguments)], standalone_mode=False)


def test_the_parameters_of_the_bands_are_found_and_written(table, tmp_path, capsys):
    output = tmp_path / "mine.toml"
    options = ("--twist", 3.89, "--lattice-constant", 0.352, "--unit", "eV", "--shells", 2, "--chern", -1)
    run(table, *options, "--name", "MINE", "--output", output)
    text = capsys.readouterr().out
    assert text.startswith("17 momenta, 2 bands\n")
    assert "Written to " in text
    found = read_parameters(output)
    assert found.name == "MINE"
    assert found.potential_mev == pytest.approx(20.8, abs=1e-3)
    assert found.potential_phase_deg == pytest.approx(-107.7, abs=1e-2)
    assert found.tunnelling_mev == pytest.approx(-23.8, abs=1e-3)
    with pytest.raises(InputError, match="`--output` must be a new file"):
        run(table, *options, "--output", output)


def test_wrong_input_is_one_sentence(table, tmp_path):
    options = ("--twist", 3.89, "--lattice-constant", 0.352)
    with pytest.raises(InputError, match="`energies` must be in meV"):
        run(table, *options)  # they are in eV
    with pytest.raises(InputError, match="`--terms` must be of mass, V, w, V2, w2, but has 'W'"):
        run(table, *options, "--unit", "eV", "--terms", "mass,W")
    with pytest.raises(FileFormatError, match="cannot be read"):
        run(tmp_path / "absent.csv", *options)
