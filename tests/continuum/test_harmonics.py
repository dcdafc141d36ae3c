"""Models from a table of harmonics, with powers of momentum: H, dH/dk, both valleys, and what the cutoff drops."""

import itertools

import numpy as np
import pytest

import moire as mo
from moire.bloch import check_hermitian, check_plane_waves, check_sewing, check_time_reversal, check_velocity
from moire.continuum import Delta_b, Delta_T, Delta_t, Harmonic, HarmonicTable, harmonic_table, kinetic, with_conjugates

WANG, XU = mo.parameters.WANG_2023, mo.parameters.XU_2024
LATTICE = mo.MoireLattice.from_twist(3.0, 0.352)
K = np.array([0.21, 0.13])  # a momentum of no symmetry, 1/nm
# A position-dependent mass, a spin-orbit-like term, a complex momentum-dependent tunnelling, a cubic warping.
ROWS = (
    Harmonic((1, 0), 0, 0, 3.0 - 2.0j, (1, 1)),
    Harmonic((0, 1), 1, 1, 1.5j, (0, 1)),
    Harmonic((0, -1), 0, 1, 4.0 + 1.0j, (1, 0)),
    Harmonic((0, 0), 0, 0, 0.7 - 0.3j, (3, 0)),
)
TABLE = HarmonicTable("with powers of k", (*harmonic_table(WANG).rows, *with_conjugates(ROWS)))


def model_of(table=TABLE, shells=3, valley=+1, displacement_mev=5.0, lattice=LATTICE):
    return mo.ContinuumModel(table, mo.PlaneWaveBasis(lattice, shells), valley, displacement_mev)


def by_definition(rows, model, k):
    """<to, G + d| H_K |source, G> = A p_+^m p_-^n element by element, with the conjugate of each row."""
    basis, corners = model.basis, model.lattice.corners
    index = {tuple(vector): i for i, vector in enumerate(basis.vectors.tolist())}
    centres = [corners["kappa_+"], corners["kappa_-"]]
    matrix = np.zeros((2, basis.size, 2, basis.size), dtype=complex)
    for row, (start, vector) in itertools.product(rows, enumerate(basis.vectors)):
        end = index.get(tuple((vector + row.transfer).tolist()))
        if end is not None:
            p = k + (vector + np.array(row.transfer) / 2) @ basis.lattice.reciprocal
            p = p - (centres[row.to] + centres[row.source]) / 2
            matrix[row.to, end, row.source, start] += (
                row.amplitude_mev * (p[0] + 1j * p[1]) ** row.powers[0] * (p[0] - 1j * p[1]) ** row.powers[1]
            )
    flat = matrix.reshape(2 * basis.size, -1)
    return flat + flat.conj().T


def test_powers_of_momentum_are_those_of_the_definition():
    difference = model_of().hamiltonian(K) - model_of(WANG).hamiltonian(K)
    expected = by_definition(ROWS, model_of(), K)
    assert min(np.abs(by_definition([row], model_of(), K)).max() for row in ROWS) > 0.1  # each of them shows
    np.testing.assert_allclose(difference, expected, atol=1e-11)


@pytest.mark.parametrize("valley", [+1, -1])
def test_a_table_is_hermitian_periodic_and_has_the_right_velocity_and_partner(valley):
    model = model_of(valley=valley)
    for check in (check_hermitian, check_sewing, check_plane_waves, check_time_reversal):
        check(model)
    check_velocity(model, LATTICE.reciprocal_length)
    assert np.abs(model.velocity(K)[:, 0, 1:]).max() > 1.0  # not diagonal in plane waves


def test_a_gauge_transformation_of_a_table_changes_no_energy():
    """H = -c (p - grad chi)^2 + V in layer b: rows with one power of p, and no power, that must cancel each other."""
    strength, mass = 0.2, 0.6  # chi = 2 strength sum_{1,3,5} cos(G_i.r), whose Fourier components are all `strength`
    c = -kinetic(mass)[0].amplitude_mev
    star = [(1, 0), (-1, 1), (0, -1), (-1, 0), (1, -1), (0, 1)]
    a = {g: 1j * strength * (np.array(g) @ LATTICE.reciprocal) for g in star}  # of grad chi
    rows = [Harmonic(g, 0, 0, c * (v[0] - 1j * v[1]), (1, 0)) for g, v in a.items()]  # c (a.p + p.a), a.p as
    rows += [Harmonic(g, 0, 0, c * (v[0] + 1j * v[1]), (0, 1)) for g, v in a.items()]  # (a_- p_+ + a_+ p_-) / 2
    for (g, v), (h, w) in itertools.product(a.items(), repeat=2):
        rows.append(Harmonic((g[0] + h[0], g[1] + h[1]), 0, 0, -c * (v @ w)))
    plain = (*kinetic(mass), *Delta_b(WANG), *Delta_t(WANG))
    models = [model_of(HarmonicTable("gauge", table), 7) for table in (plain, (*plain, *rows))]
    energies = [np.linalg.eigvalsh(model.hamiltonian(K))[::-1][:6] for model in models]
    np.testing.assert_allclose(energies[1], energies[0], atol=1e-5)
    half = model_of(HarmonicTable("half", (*plain, *rows[: len(a)], *rows[len(a) : 2 * len(a)])), 7)
    assert np.abs(np.linalg.eigvalsh(half.hamiltonian(K))[::-1][:6] - energies[0]).max() > 1.0


@pytest.mark.parametrize("parameters", [WANG, XU], ids=lambda p: p.name)
def test_parameters_are_a_short_way_to_write_a_table(parameters):
    table = HarmonicTable(parameters.name, harmonic_table(parameters).rows)
    for valley in (+1, -1):
        mine, theirs = model_of(table, valley=valley), model_of(parameters, valley=valley)
        np.testing.assert_array_equal(mine.hamiltonian(K), theirs.hamiltonian(K))
        np.testing.assert_array_equal(mine.velocity(K), theirs.velocity(K))
        assert mine.name == theirs.name
    n_harmonics = 2 if parameters is XU else 1
    assert len(table.rows) == 2 + n_harmonics * (2 * 6 + 2 * 3)  # kinetic; six of each layer, three and back


def test_tables_add_up():
    """Equal rows are summed, a row that is its own conjugate comes once, and a table may be joined to another."""
    rows = harmonic_table(XU).rows
    halves = [Harmonic(r.transfer, r.to, r.source, r.amplitude_mev / 2, r.powers) for r in rows]
    np.testing.assert_array_equal(
        model_of(HarmonicTable("x", (*halves, *halves))).hamiltonian(K), model_of(XU).hamiltonian(K)
    )
    assert with_conjugates(kinetic(0.6)) == kinetic(0.6)
    assert set(with_conjugates(Delta_T(XU))) == {row for row in rows if row.to != row.source}
    assert {row for row in rows if row.source == 1 and row.to == 1} == {kinetic(0.6)[1], *Delta_t(XU)}
    assert HarmonicTable("x", (*rows, Harmonic((3, 0), 0, 0, 0.0))).rows == rows  # zeros are dropped


def test_dropped_waves_with_powers_of_momentum_are_those_of_a_larger_basis():
    model, larger = model_of(valley=-1), model_of(shells=5.5, valley=-1)
    layers, vectors, _ = model.dropped_waves
    rows = [
        layer * larger.basis.size + larger.basis.positions(vector)
        for layer, vector in zip(layers, vectors, strict=True)
    ]
    kept = np.concatenate([layer * larger.basis.size + np.arange(model.basis.size) for layer in (0, 1)])
    momenta = np.array([K, [-0.4, 0.9]])
    unit = np.eye(2 * model.basis.size, dtype=complex).reshape(-1, *model.state_shape)
    amplitudes = model.dropped_amplitudes(momenta, np.stack([unit, unit]))
    energies = model.dropped_energies(momenta)
    for i, k in enumerate(momenta):
        whole = larger.hamiltonian(k)
        np.testing.assert_allclose(amplitudes[i].T, whole[np.ix_(rows, kept)], atol=1e-10)
        np.testing.assert_allclose(energies[i], np.diag(whole)[rows].real, rtol=1e-12)
    beyond = np.setdiff1d(np.arange(len(whole)), np.concatenate([rows, kept]))
    assert not whole[np.ix_(beyond, kept)].any()


BAD = {
    "conjugates disagree": (
        lambda: HarmonicTable("x", (Harmonic((1, 0), 0, 1, 2.0), Harmonic((-1, 0), 1, 0, 3.0))),
        r"`rows` must be Hermitian, with 2 meV for <t, G \+ \(-1, 0\)\| H \|b, G>, the conjugate of "
        r"<b, G \+ \(1, 0\)\| H \|t, G> \(`with_conjugates` adds it\), but have 3 meV\.$",
    ),
    "no conjugate": (
        lambda: HarmonicTable("x", (Harmonic((1, 0), 0, 0, 2.0j, (1, 0)),)),
        r"`rows` must be Hermitian, with -?0-2j meV for <b, .* G, powers \(0, 1\)>, .*, but have 0 meV\.$",
    ),
    "complex level": (
        lambda: HarmonicTable("x", (Harmonic((0, 0), 0, 0, 1j, (1, 1)),)),
        r"`rows` must be Hermitian, with -?0-1j meV for .*, but have 0\+1j meV\.$",
    ),
    "layer": (lambda: Harmonic((0, 0), 2, 0, 1.0), r"`to` must be the layer 0 \(b\) or 1 \(t\), but is 2\."),
    "transfer": (lambda: Harmonic((0.5, 0), 0, 0, 1.0), r"`transfer` must be two integers, but is \(0\.5, 0\)\."),
    "powers": (lambda: Harmonic((0, 0), 0, 0, 1.0, (-1, 0)), r"`powers` must be two integers of at least 0, but is"),
    "amplitude": (lambda: Harmonic((0, 0), 0, 0, float("nan")), r"`amplitude_mev` must be finite, but is \(?nan"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows(case):
    call, sentence = BAD[case]
    with pytest.raises(mo.InputError, match=f"^{sentence}"):
        call()
