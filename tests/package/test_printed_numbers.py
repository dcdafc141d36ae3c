"""What is printed: nothing but zero reads as zero, S(K) says which, and no sentence holds nan or inf."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moire as mo
from moire._text import Number, amount
from moire.exact_diagonalization.manifold import find_manifold
from moire.observables import StructureFactor, momentum_occupation
from moire.predictions import composite_fermi_seas
from moire.sweep.collect import Table
from tests.fractional_cases import problem_on, solved
from tests.test_verdicts import GRID, LABELS, THIRD, charge, chern, flow

PACKAGE = Path(mo.__file__).parent


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (4.8e-5, ".4f", "4.8e-05"),
        (-4.8e-5, "+10.4f", "  -4.8e-05"),
        (4.8e-5, "+.4f", "+4.8e-05"),
        (1e-4, ".4f", "0.0001"),
        (0.0, ".4f", "0.0000"),
        (-0.0, "+.4f", "+0.0000"),
        (12.3456789, "9.4f", "  12.3457"),
        (-1.0, "+z.6f", "-1.000000"),
        (np.nan, "9.4f", "  unknown"),
        (np.inf, ".4f", "infinite"),
        (-np.inf, ".4f", "-infinite"),
        (1.5, ".1e", "1.5e+00"),
    ],
)
def test_numbers(value, spec, text):
    assert format(Number(value), spec) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 12))
def test_only_zero_reads_as_zero(value, digits):
    text = f"{Number(value):.{digits}f}"
    assert (float(text) == 0) == (value == 0)
    assert float(text) == pytest.approx(value, rel=0.051, abs=0.51 * 10.0**-digits)


def test_a_number_without_value_has_no_unit():
    assert amount(0.2, "meV") == "0.2000 meV"
    assert amount(4.8e-5, "meV") == "4.8e-05 meV"
    assert amount(np.nan, "meV") == "unknown"


def test_every_fixed_number_of_the_package_is_written_by_it():
    """Except counts of seconds, aspect ratios, names of files, and positions in the zone."""
    allowed = re.compile(r"self\.seconds|shape\.aspect|twist_deg:\.3f|[xy]:\+\.[45]f")
    held = [path for path in PACKAGE.rglob("*.py") if path.name != "_text.py"]
    found = [
        f"{path.relative_to(PACKAGE)}: {field}"
        for path in held
        for field in re.findall(r"\{([^{}]*:[^{}'\" ]*\.\d+f)\}", path.read_text())
        if not field.startswith("Number(") and not allowed.search(field)
    ]
    assert len(held) > 100
    assert found == []


def test_small_splittings_and_gaps_are_seen():
    energies = np.array([[0.0, 2.0], [4.8e-5, 2.1], [2e-5, 1.9]])
    found = find_manifold(GRID, THIRD, LABELS, np.full(3, 9), energies)
    assert "splitting 4.8e-05 meV, gap above 1.9000 meV" in found.verdict
    assert "gap down to 3.0e-06 meV" in flow((1.0, 3e-6)).verdict
    assert "largest flux 0.100" in str(chern())
    assert "+1.0e-09 in total" in chern(1e-9).verdict
    assert "charge gap 2.0e-05 meV" in str(charge(-1e-5))
    table = Table({"splitting": mo.io.Dataset(np.array([4.8e-5, 0.0, 2.5, np.nan]), "meV", ("point",), "")})
    assert [line.strip() for line in str(table).splitlines()[1:]] == ["4.8e-05", "0", "2.5", "-"]
    lattice = mo.MoireLattice.from_twist(3.7, 0.352)
    flat = mo.bands.BandEnergies(mo.MomentumGrid.regular(lattice, 1, 2), np.array([[[2e-6], [0.0]]]), ("K",), True)
    assert "2.0e-06" in str(flat)


def test_structure_factors_say_which_they_are():
    spectrum = solved((3, 3), n_eigenstates=3)
    structure = mo.observables.structure_factor(spectrum, problem_on((3, 3)))
    assert isinstance(structure, StructureFactor)
    order = mo.observables.charge_order(spectrum, structure)
    assert order.corner_peak - order.projected_peak > 0.1  # the part of the other bands
    text = f"{structure}\n{order}"
    kinds = re.findall(r"([\w-]+) S\((?:q|K)\)", text)
    assert len(kinds) == text.count("S(q)") + text.count("S(K)") >= 4
    assert set(kinds) == {"full", "projected", "normal-ordered"}
    assert f"full S(K) = {order.corner_peak:.3f} (projected {order.projected_peak:.3f})" in text


def test_ratios_to_nothing_are_said_in_words():
    two = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, 0.352), 1, 2)
    assert np.isnan(composite_fermi_seas(two).excess)
    assert "no larger one to compare" in str(composite_fermi_seas(two))
    full = mo.solve_all_sectors(problem_on((2, 3)), "1", 1, keep_vectors=True)
    row = int(np.nonzero(full.dimensions)[0][0])
    assert "(a full band)" in str(momentum_occupation(full, [(row, 0)]))
    assert "no other level in the same sectors" in str(chern(min_gap=np.inf))
    bare = charge(-1.0)
    assert "neutral gap unknown: 1x3" in str(type(bare)(**(vars(bare) | {"neutral_gap": np.nan})))
    assert "charging energy, infinite without gates" in str(type(bare)(**(vars(bare) | {"charging_mev": np.inf})))


def test_one_third_in_one_band_carries_a_caveat():
    trivial = solved((3, 4), (1, 3), 2, everywhere=True)
    assert trivial.manifold.is_signature
    assert trivial.filling == Fraction(1, 3)
    assert "bands left out may end this state (arXiv:2309.14429, arXiv:2309.16548)." in str(trivial)
    for other in (solved((3, 4), (2, 3), 2, everywhere=True), solved((3, 4), (1, 3), 1)):  # above 1/2; undecided
        assert other.caveat is None
        assert "Caveat" not in str(other)
