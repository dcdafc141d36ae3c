"""Tables of energies: both kinds of momenta, units, unknown energies, and what cannot be read."""

import numpy as np
import pytest

import moire as mo
from moire.errors import FileFormatError, InputError
from moire.fitting import read_band_table

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)
TEXT = "# from somewhere\nk1, k2, lower, upper\n0, 0, -0.010, 0.005\n\n0.5, 0.25, -0.012,\n"


def written(tmp_path, text):
    path = tmp_path / "bands.csv"
    path.write_text(text)
    return path


def test_reduced_momenta_and_electronvolts(tmp_path):
    energies, momenta = read_band_table(written(tmp_path, TEXT), LATTICE, unit="eV")
    np.testing.assert_allclose(energies, [[5, -10], [-12, np.nan]])
    np.testing.assert_allclose(momenta[1], 0.5 * LATTICE.reciprocal[0] + 0.25 * LATTICE.reciprocal[1])


def test_cartesian_momenta_and_fewer_bands(tmp_path):
    text = TEXT.replace("k1, k2", "KX, ky")
    energies, momenta = read_band_table(str(written(tmp_path, text)), LATTICE, n_bands=1)
    np.testing.assert_allclose(energies[:, 0], [0.005, -0.012])
    np.testing.assert_allclose(momenta, [[0, 0], [0.5, 0.25]])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold a table of energies, but is empty"),
        ("a,b,c\n1,2,3\n", "must have the columns kx,ky or k1,k2 .* but has 'a,b,c'"),
        ("kx,ky,e\n1,2\n", "must have 3 cells in every line, but line 1 has 2"),
        ("kx,ky,e\n1,2,x\n", "must hold numbers, but line 1 does not: could not convert"),
        ("kx,ky,e\n1,,3\n", "must have momenta in every line, but lacks some"),
        ("kx,ky,e\n1,2,inf\n", "must hold finite numbers, but line 1 does not"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, text, sentence):
    with pytest.raises(FileFormatError, match=sentence):
        read_band_table(written(tmp_path, text), LATTICE)


def test_wrong_arguments(tmp_path):
    path = written(tmp_path, TEXT)
    with pytest.raises(InputError, match="`unit` must be one of meV, eV, but is Ry"):
        read_band_table(path, LATTICE, unit="Ry")
    with pytest.raises(InputError, match=r"`n_bands` must lie in 1\.\.2"):
        read_band_table(path, LATTICE, n_bands=3)
    with pytest.raises(FileFormatError, match="must be a table of energies, but cannot be read"):
        read_band_table(tmp_path / "absent.csv", LATTICE)
