"""One reading of fillings, for Hartree-Fock, exact diagonalization, the command line and plans."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import moire as mo
from moire.cli import cli
from moire.exact_diagonalization import carriers_on, suggest_clusters
from moire.filling import carriers_per_cell, describe_filling, one_band_filling, parse_filling
from moire.hartree_fock import count_carriers, ground_state, solve_hartree_fock
from moire.io import read_record
from moire.observables import charge_gap, fci_report, many_body_chern, spectral_flow
from moire.orbitals import Orbitals
from moire.parameters import WANG_2023
from moire.sweep import EdTask, FciTask, HfTask, ModelPoint, Request, parse_plan
from moire.topology import StredaLine

GRID = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, 0.352), 3, 4)
TWO_THIRDS = [
    "-2/3", " -2/3 ", (-2, 3), [-2, 3], (np.int64(-2), 3), Fraction(-2, 3), -2 / 3, np.float64(-2 / 3),
    np.float32(-2 / 3), 1 / 3 - 1, -0.666667, -0.6667, -0.6666, -0.667, "-0.666", "-0.666666", Decimal("-0.6667"),
]  # fmt: skip
NO_FILLING = ["two thirds", "", "2/0", (2, 0), (2, 3, 4), (2.0, 3), (2,), None, True, float("nan"), float("inf"), 2j, "1e99999999"]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("filling", TWO_THIRDS, ids=repr)
def test_every_form_means_the_same_to_both_solvers(filling):
    assert parse_filling(filling) == Fraction(-2, 3)
    assert one_band_filling(filling) == Fraction(2, 3)
    assert carriers_on(GRID, filling) == count_carriers(filling, Orbitals(GRID, 2)) == 8
    assert suggest_clusters(filling, 6).filling == Fraction(2, 3)
    assert StredaLine.of(filling, -1).filling == Fraction(-2, 3)


@pytest.mark.parametrize(
    ("filling", "value"),
    [
        ("0.333333", Fraction(1, 3)),  # was 1/3 for Hartree-Fock and refused by exact diagonalization
        (0.3, Fraction(3, 10)),
        (0.1 + 0.2, Fraction(3, 10)),
        ("0.33", Fraction(33, 100)),  # two digits are what they say: 28 of 100 cells can be meant by 0.28
        (0.28, Fraction(7, 25)),
        (0.125, Fraction(1, 8)),
        ("0.600", Fraction(3, 5)),
        (0.9999, Fraction(9999, 10000)),  # neither rounded nor cut from 1
        (1.3333, Fraction(4, 3)),
        (4.5, Fraction(9, 2)),
        ("1e0", Fraction(1)),
        (-2, Fraction(-2)),
        (np.int32(3), Fraction(3)),
        (0, Fraction(0)),
        ("0.000", Fraction(0)),
        ("+2/3", Fraction(2, 3)),
    ],
)
def test_decimals(filling, value):
    assert parse_filling(filling) == value


@given(st.integers(1, 64), st.integers(1, 64), st.integers(4, 12))
def test_a_number_of_carriers_on_a_cluster_survives_being_written_down(p, q, digits):
    if 2 * q**2 <= 10**digits:  # below, two fractions have the same digits
        assert parse_filling(f"{p / q:.{digits}f}") == Fraction(p, q)
        assert parse_filling(p / q) == parse_filling(-p / q) * -1 == Fraction(p, q)


@pytest.mark.parametrize("filling", NO_FILLING, ids=repr)
def test_what_is_no_filling_is_refused_alike(filling):
    for reads in (
        parse_filling,
        one_band_filling,
        lambda f: carriers_on(GRID, f),
        lambda f: count_carriers(f, Orbitals(GRID, 2)),
    ):
        with pytest.raises(mo.InputError, match=r"^`filling` must be a number of carriers per cell such as 2, '-2/3'"):
            reads(filling)


def test_each_solver_checks_its_own_range():
    for filling in (0, "4/3"):
        with pytest.raises(mo.InputError, match=r"`filling` must ask for more than 0 and at most 1 carrier per cell"):
            one_band_filling(filling)
    assert count_carriers(0, Orbitals(GRID, 2)) == 0
    assert count_carriers("4/3", Orbitals(GRID, 2)) == 16
    with pytest.raises(
        mo.InputError, match=r"`filling` must lie in \[-2, 2\], the capacity of the bands kept per cell"
    ):
        count_carriers(-3, Orbitals(GRID, 2))


def test_a_minus_sign_counts_holes_and_is_refused_for_electrons(small_problem):
    assert carriers_per_cell("2/3", "hole") == carriers_per_cell("-2/3", "hole") == Fraction(2, 3)
    assert carriers_per_cell("2/3", "electron") == Fraction(2, 3)
    problem = small_problem([2, 3], carrier="electron")
    for call in (
        lambda: mo.solve_all_sectors(problem, "-2/3"),
        lambda: solve_hartree_fock(problem, "-2/3"),
        lambda: ground_state(problem, "-2/3"),
        lambda: charge_gap(problem, "-2/3"),
        lambda: spectral_flow(problem, "-2/3", 1),
        lambda: many_body_chern(problem, "-2/3"),
        lambda: fci_report(problem, "-2/3"),
    ):
        with pytest.raises(mo.InputError, match=r"`filling` must not be negative for electrons.*, but is -2/3"):
            call()


def test_the_result_says_which_carriers_a_filling_counts(small_problem):
    assert describe_filling(Fraction(2, 3), "hole") == "2/3 holes per cell (nu = -2/3)"
    holes = mo.solve_all_sectors(small_problem([2, 3]), (2, 3), 1)
    assert "2/3 holes per cell (nu = -2/3): 4 holes on 6 cells" in str(holes)
    electrons = mo.solve_all_sectors(small_problem([2, 3], carrier="electron"), (2, 3), 1)
    assert "2/3 electrons per cell: 4 electrons on 6 cells" in str(electrons)
    state = ground_state(small_problem([2, 3], zero_momentum="exchange"), 1, "random").best
    assert "1 holes per cell (nu = -1): 6 holes on 6 cells" in str(state)


@pytest.mark.parametrize("filling", ["-2/3", "2/3", "-0.6667", -0.6667, 0.666667, [2, 3]], ids=repr)
def test_a_plan_reads_every_form_into_one_request(filling):
    table = {
        "tasks": ["hf", "ed", "fci"],
        "model": {"parameter_set": "WANG_2023", "twist_deg": 3.7},
        "hf": [{"filling": filling, "mesh": [3, 3], "n_bands": 1}],
        "ed": [{"cluster": [3, 4], "filling": filling}],
        "fci": [{"cluster": [3, 4], "filling": filling}],
    }
    tasks = [request.task for request in parse_plan(table).requests()]
    assert [task.filling for task in tasks] == ["-2/3"] * 3
    assert ", 3x4 at -2/3, eps = 10" in tasks[1].title()


def test_an_integer_filling_of_a_plan_needs_no_quotes():
    plan = parse_plan({"model": {"parameter_set": "WANG_2023", "twist_deg": 3.7}, "hf": [{"filling": -2}]})
    assert plan.hf[0] == HfTask(filling="-2")
    sentence = r"`hf\.0\.filling` must be a number of holes per cell such as '-2/3', -2 or \[2, 3\], but is 'half'"
    with pytest.raises(mo.InputError, match=sentence):
        parse_plan({"model": {"parameter_set": "WANG_2023", "twist_deg": 3.7}, "hf": [{"filling": "half"}]})


def test_equal_fillings_are_one_request():
    point = ModelPoint(parameters=WANG_2023, twist_deg=3.7)
    for kind, options in ((EdTask, {"cluster": (3, 4)}), (FciTask, {"cluster": (3, 4)}), (HfTask, {})):
        keys = {
            Request(point=point, task=kind(filling=filling, **options)).key for filling in ("-2/3", "2/3", "0.6667")
        }
        assert len(keys) == 1
    # the key of a filling as it was always written
    assert Request(point=point, task=EdTask(cluster=(3, 6), filling="-1/3", q_cutoff=2.0)).task.filling == "-1/3"


def test_the_command_line_says_what_a_filling_without_sign_counts(tmp_path):
    point = ["--twist", "3.7", "--cluster", "2x3", "--shells", "2", "--q-cutoff", "2"]
    done = CliRunner().invoke(cli, ["ed", "--filling", "0.333333", *point, "--output", str(tmp_path / "ed.h5")])
    assert done.exit_code == 0, done.output
    assert "1/3 holes per cell (nu = -1/3): 2 holes on 6 cells" in done.output
    assert read_record(tmp_path / "ed.h5")["summary/filling"] == "-1/3"
    arguments = ["export", "--filling", "1/3", *point, "--format", "hdf5", "--output", str(tmp_path / "h.h5")]
    sentence = "`--filling` must be left out of all formats except fcidump, which names it, but is '1/3'"
    with pytest.raises(mo.InputError, match=sentence):
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
