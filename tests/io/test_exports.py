"""Hamiltonians on disk: the same back, and what other codes would read out of the lines."""

import ast
import re

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian
from moire.io import (
    hamiltonian_record,
    read_diagham,
    read_fcidump,
    read_hamiltonian,
    read_record,
    write_diagham,
    write_fcidump,
    write_record,
)
from tests.flavour_cases import flavour_problem
from tests.reference import jordan_wigner

SHAPES = [[2, 3], [[2, 1], [-1, 2]]]


@pytest.fixture(params=SHAPES, ids=str)
def hamiltonian(request, small_problem):
    return PairHamiltonian.from_problem(small_problem(request.param, zero_momentum="exchange"))


def same(first, second):
    np.testing.assert_array_equal(first.one_body, second.one_body)
    np.testing.assert_array_equal(first.blocks, second.blocks)
    assert first.constant == second.constant
    assert not second.transformed
    assert first.pairs.grid.same_cluster(second.pairs.grid)
    assert np.abs(first.blocks.imag).max() > 0.1


def spectrum(hamiltonian, n_particles, momentum):
    sector = MomentumSector(hamiltonian.orbitals, n_particles, momentum)
    return np.linalg.eigvalsh(SectorHamiltonian(hamiltonian, sector).to_csr().toarray())


def test_every_format_gives_the_hamiltonian_back(hamiltonian, tmp_path):
    grid = hamiltonian.pairs.grid
    write_diagham(hamiltonian, tmp_path / "interaction.txt", tmp_path / "onebody.txt")
    write_fcidump(hamiltonian, tmp_path / "FCIDUMP", 3)
    write_record(tmp_path / "hamiltonian.h5", hamiltonian_record(hamiltonian))
    for back in (
        read_diagham(tmp_path / "interaction.txt", tmp_path / "onebody.txt", grid),
        read_fcidump(tmp_path / "FCIDUMP", grid),
        read_hamiltonian(read_record(tmp_path / "hamiltonian.h5")),
    ):
        same(hamiltonian, back)
        for momentum in range(grid.n_points):
            np.testing.assert_array_equal(spectrum(back, 3, momentum), spectrum(hamiltonian, 3, momentum))


@pytest.fixture(scope="module", params=[(2, (+1,)), (1, (+1, -1)), (2, (+1, -1))], ids=["bands", "valleys", "both"])
def many(request):
    """Hamiltonians of several bands or valleys, with one-body elements between bands from a reference density."""
    n_bands, valleys = request.param
    given = flavour_problem((1, 3), n_bands, valleys)
    found = PairHamiltonian.from_problem(given.on_bands(given.bands, "average"))
    hermitian = (found.one_body + found.one_body.conj().swapaxes(2, 3)) / 2  # files hold a diagonal that is real
    return PairHamiltonian(found.pairs, hermitian, found.blocks, found.constant)


def test_bands_and_valleys_come_back(many, tmp_path):
    orbitals = many.orbitals
    write_fcidump(many, tmp_path / "FCIDUMP", 3)
    write_record(tmp_path / "hamiltonian.h5", hamiltonian_record(many))
    for back in (
        read_fcidump(tmp_path / "FCIDUMP", orbitals.grid, orbitals.n_flavours, orbitals.n_bands),
        read_hamiltonian(read_record(tmp_path / "hamiltonian.h5")),
    ):
        same(many, back)
        assert back.orbitals.same_cluster(orbitals)
    assert many.mixes_bands == (orbitals.n_bands > 1)
    with pytest.raises(mo.InputError, match=r"`pair_hamiltonian` must have one band and one flavour .* but has \d and"):
        write_diagham(many, tmp_path / "a", tmp_path / "b")


def test_lines_of_bands_and_valleys_are_the_hamiltonian(many, tmp_path):
    write_fcidump(many, tmp_path / "FCIDUMP", 3)
    c, dagger = operators(many.orbitals.size)
    total = 0
    vectors = np.random.default_rng(3).normal(size=(1 << len(c), 2))
    for line in (tmp_path / "FCIDUMP").read_text().split("&END\n")[1].splitlines():
        value, *words = line.split()
        i, j, k, m = (int(word) - 1 for word in words)
        if k >= 0:
            total = total + complex_number(value) / 2 * (dagger[i] @ (dagger[k] @ (c[m] @ (c[j] @ vectors))))
        elif i >= 0:
            total = total + complex_number(value) * (dagger[i] @ (c[j] @ vectors))
        else:
            total = total + complex_number(value) * vectors
    np.testing.assert_allclose(total, jordan_wigner.from_pairs(many) @ vectors, atol=1e-8)


def test_foreign_files_of_bands_and_valleys(many, tmp_path):
    orbitals, path = many.orbitals, tmp_path / "FCIDUMP"
    shape = (orbitals.n_flavours, orbitals.n_bands)
    write_fcidump(many, path)
    with pytest.raises(mo.errors.FileFormatError, match="orbitals, those of 1x3, but has"):
        read_fcidump(path, orbitals.grid)
    text = path.read_text()
    if orbitals.n_flavours > 1:
        path.write_text(text + f"(1.0,0.0) 1 {orbitals.index(1, 0, 0) + 1} 0 0\n")
        with pytest.raises(mo.errors.FileFormatError, match="one-body elements between two of them"):
            read_fcidump(path, orbitals.grid, *shape)
        path.write_text(text + f"(1.0,0.0) 1 1 2 {orbitals.index(1, 0, 1) + 1}\n")
        with pytest.raises(mo.errors.FileFormatError, match="conserve the particles of each flavour"):
            read_fcidump(path, orbitals.grid, *shape)
    if orbitals.n_bands > 1:
        path.write_text(text + f"(0.0,1.0) 1 {orbitals.index(0, 1, 0) + 1} 0 0\n")
        with pytest.raises(mo.errors.FileFormatError, match="Hermitian"):
            read_fcidump(path, orbitals.grid, *shape)
    if shape == (2, 2):
        datasets = dict(hamiltonian_record(many).datasets)
        band = datasets.pop("hamiltonian/band")
        datasets |= {"hamiltonian/band": datasets["hamiltonian/flavour"], "hamiltonian/flavour": band}
        with pytest.raises(mo.errors.FileFormatError, match=r"in the order \(band, flavour, momentum\), but has"):
            read_hamiltonian(mo.io.Record("hamiltonian", datasets))


def test_constant_and_transformation(hamiltonian, tmp_path):
    transformed = hamiltonian.particle_hole_transformed()
    shifted = PairHamiltonian(hamiltonian.pairs, hamiltonian.one_body, hamiltonian.blocks, -1.25)
    write_diagham(shifted, tmp_path / "a", tmp_path / "b")
    write_fcidump(shifted, tmp_path / "c")
    grid = hamiltonian.pairs.grid
    same(shifted, read_diagham(tmp_path / "a", tmp_path / "b", grid))
    same(shifted, read_fcidump(tmp_path / "c", grid))
    for refused in (
        lambda: write_diagham(transformed, tmp_path / "a", tmp_path / "b"),
        lambda: write_fcidump(transformed, tmp_path / "c"),
        lambda: hamiltonian_record(transformed),
    ):
        with pytest.raises(mo.InputError, match="`pair_hamiltonian` must be that of the carriers"):
            refused()


def operators(n):
    lower = jordan_wigner.annihilators(n)
    return lower, [c.conj().T.tocsr() for c in lower]


def complex_number(text):
    return complex(*ast.literal_eval(text))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_lines_of_diagham_are_its_operators(shape, small_problem, tmp_path):
    problem = small_problem(shape)
    grid, hamiltonian = problem.grid, PairHamiltonian.from_problem(problem)
    write_diagham(hamiltonian, tmp_path / "interaction.txt", tmp_path / "onebody.txt")
    c, dagger = operators(grid.n_points)
    total = 0
    for line in (tmp_path / "onebody.txt").read_text().splitlines():
        if not line.startswith("#"):
            kx, ky, m, n, value = line.split()
            k = grid.index_of((int(kx), int(ky)))
            assert (m, n) == ("0", "0")
            total = total + complex_number(value) * (dagger[k] @ c[k])
    lines = [line for line in (tmp_path / "interaction.txt").read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        *words, value = line.split()
        assert len(words) == 12
        assert set(words[::3]) == {"0"}
        k1, k2, k3, k4 = (grid.index_of((int(words[i + 1]), int(words[i + 2]))) for i in range(0, 12, 3))
        assert k1 < k2
        assert k3 < k4
        total = total + complex_number(value) * (dagger[k1] @ dagger[k2] @ c[k3] @ c[k4])
    difference = (total - jordan_wigner.from_form_factors(problem)).toarray()
    np.testing.assert_allclose(difference, 0, atol=1e-9)
    assert len(lines) == len(hamiltonian.blocks)


def test_lines_of_fcidump_are_its_integrals(hamiltonian, tmp_path):
    grid = hamiltonian.pairs.grid
    n = grid.n_points
    write_fcidump(hamiltonian, tmp_path / "FCIDUMP", 4)
    text = (tmp_path / "FCIDUMP").read_text()
    assert re.match(rf"&FCI NORB={n},NELEC=4,MS2=4,\n ORBSYM=(1,){{{n}}}\n ISYM=1,\n&END\n", text)
    c, dagger = operators(n)
    integrals, total = {}, 0
    for line in text.split("&END\n")[1].splitlines():
        value, *words = line.split()
        i, j, k, m = (int(word) - 1 for word in words)
        if k >= 0:
            integrals[i, j, k, m] = complex_number(value)
            total = total + complex_number(value) / 2 * (dagger[i] @ dagger[k] @ c[m] @ c[j])
        elif i >= 0:
            total = total + complex_number(value) * (dagger[i] @ c[j])
    for (i, j, k, m), value in integrals.items():
        assert integrals[k, m, i, j] == value
        assert integrals[j, i, m, k] == pytest.approx(np.conj(value), abs=1e-12)
        assert integrals[i, m, k, j] == -value
    words = np.array([word for word in range(1 << n) if word.bit_count() == 4])
    found = np.linalg.eigvalsh(total.toarray()[np.ix_(words, words)])
    expected = np.sort(np.concatenate([spectrum(hamiltonian, 4, momentum) for momentum in range(n)]))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_record_is_readable_with_h5py_alone(hamiltonian, tmp_path):
    import h5py

    write_record(tmp_path / "h.h5", hamiltonian_record(hamiltonian))
    with h5py.File(tmp_path / "h.h5") as file:
        assert file.attrs["kind"] == "hamiltonian"
        group = file["hamiltonian"]
        orbitals = {"flavour", "band", "momentum"}
        assert set(group) == {"constant", "one_body", "creators", "annihilators", "elements"} | orbitals
        assert group["elements"].attrs["unit"] == "meV"
        assert (group["creators"][:, 0] < group["creators"][:, 1]).all()


def test_foreign_and_damaged_files(hamiltonian, tmp_path):
    grid = hamiltonian.pairs.grid
    a, b, f = tmp_path / "a", tmp_path / "b", tmp_path / "f"
    write_diagham(hamiltonian, a, b)
    write_fcidump(hamiltonian, f)

    def refuses(match, read):
        with pytest.raises(mo.errors.FileFormatError, match=match):
            read()

    refuses("there is none", lambda: read_fcidump(tmp_path / "absent", grid))
    refuses("must hold lines of 6 numbers, but holds lines of 14", lambda: read_fcidump(a, grid))
    text = a.read_text()
    lines = text.splitlines()
    mixing = next(line for line in lines[1:] if line.split()[:6] != line.split()[6:12])
    a.write_text("\n".join(line for line in lines if line != mixing))
    refuses("Hermitian", lambda: read_diagham(a, b, grid))
    a.write_text(text.replace("\n0 ", "\n1 "))
    refuses("names another band", lambda: read_diagham(a, b, grid))
    a.write_text(text + "0 0 0 0 1 0 0 0 0 0 0 99 (1.0,0.0)\n")
    refuses("labels below", lambda: read_diagham(a, b, grid))
    a.write_text(text + "0 0 0 0 0 1 0 0 0 0 0 2 (1.0,0.0)\n")
    refuses("conserve momentum", lambda: read_diagham(a, b, grid))
    f.write_text(f.read_text() + "(1.0,0.0) 1 2 0 0\n")
    refuses("one-body elements between two momenta", lambda: read_fcidump(f, grid))
    f.write_text(f.read_text().replace("NORB=", "NORB=1"))
    refuses("orbitals, those of", lambda: read_fcidump(f, grid))
    refuses("of kind 'hamiltonian'", lambda: read_hamiltonian(mo.io.Record("ed", {})))
    with pytest.raises(mo.InputError, match="file that can be written"):
        write_fcidump(hamiltonian, tmp_path)
    with pytest.raises(mo.InputError, match="`n_particles` must lie in"):
        write_fcidump(hamiltonian, f, 99)
