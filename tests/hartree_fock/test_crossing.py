"""Phase boundaries by energy crossing, against scans."""

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from tests.hartree_fock.test_hartree_fock import build_problem


@pytest.fixture(scope="module")
def at_field(build_model):
    """Two bands on 6x6 at eps = 20 and a field in meV, each built once.

    With 5 shells: at 3, time-reversed partners differ by 0.004 meV per cell, which shifts AFMz to BI by 0.1 meV.
    """
    built = {}

    def at_field(field):
        if field not in built:
            built[field] = hf.MeanField(build_problem(build_model, (6, 6), displacement_mev=field, shells=5))
        return built[field]

    return at_field


@pytest.mark.parametrize(
    ("guesses", "scan", "along"),
    [(("AFMxy", "AFMz"), (20.0, 20.6), "epsilon_r"), (("AFMz", "layer_polarised"), (45.0, 46.0), "field")],
)
def test_a_crossing_agrees_with_a_scan(at_field, guesses, scan, along):
    build = at_field if along == "field" else at_field(30.0).rescaled
    found = hf.find_crossing(build, scan, guesses, 2)
    differences = []
    for value in scan:  # independent solutions
        mean_field = build(value)
        minima = hf.find_states(mean_field, hf.ground_state(mean_field, 2, guesses), n_searches=1)
        energies = {_order(state): state.energy_per_cell for state in reversed(minima.solutions) if state.is_minimum}
        differences.append(energies[guesses[1]] - energies[guesses[0]])
    assert differences[0] > 0 > differences[1]
    by_line = scan[0] + (scan[1] - scan[0]) * differences[0] / (differences[0] - differences[1])
    assert found.kind == "crossing"
    assert found.value == pytest.approx(by_line, abs=0.05)  # the difference bends by a few percent
    assert 0 < found.uncertainty <= 0.02
    assert found.slope == pytest.approx((differences[1] - differences[0]) / (scan[1] - scan[0]), rel=0.2)
    assert [_order(state) for state in found.states] == list(guesses)
    assert len(found.points) <= 8


def _order(state):
    if state.moments.coherence > 0.05:
        return "AFMxy"
    return "AFMz" if abs(state.moments.staggered_out_of_plane) > 0.02 else "layer_polarised"


def test_the_order_of_the_states_does_not_matter(at_field):
    mean_field = at_field(30.0)
    found = hf.find_crossing(mean_field.rescaled, (18.5, 20.5), ("AFMxy", "AFMz"), 2)
    swapped = hf.find_crossing(mean_field.rescaled, (20.5, 18.5), ("AFMz", "AFMxy"), 2)
    assert found.kind == swapped.kind == "crossing"
    assert swapped.value == pytest.approx(found.value, abs=found.uncertainty + swapped.uncertainty)
    finer = hf.find_crossing(mean_field.rescaled, (18.5, 20.5), ("AFMxy", "AFMz"), 2, tolerance=1e-3)
    assert finer.value == pytest.approx(found.value, abs=found.uncertainty)
    both = found.compared({"finer": finer})
    assert both.spread == pytest.approx(abs(finer.value - found.value))
    assert "finer: " in str(both)
    assert np.isnan(found.spread)


def test_a_continuous_transition_is_the_end_of_a_state(at_field):
    # the in-plane moments at D = 0 vanish continuously with eps, towards the quantum spin Hall state
    mean_field = at_field(0.0)
    found = hf.find_crossing(mean_field.rescaled, (40.0, 44.0), ("AFMxy", "non_magnetic"), 2, tolerance=0.25)
    assert found.kind == "end of the first state"
    coherence = [
        hf.solve_hartree_fock(mean_field.rescaled(eps), 2, "AFMxy").moments.coherence
        for eps in (found.value - 2 * found.uncertainty, found.value + 2 * found.uncertainty)
    ]
    assert coherence[0] > 0.003 > coherence[1]
    differences = [d for _, d in found.points if not np.isnan(d)]
    assert min(differences) > 0
    assert "end of the first state" in str(found)
    assert np.isnan(found.slope)


def test_what_is_no_boundary(at_field):
    mean_field = at_field(0.0)
    same = hf.find_crossing(mean_field.rescaled, (20.0, 22.0), ("AFMxy", "AFMxy"), 2)
    assert same.kind == "one phase"
    assert "each becomes the other" in str(same)
    apart = hf.find_crossing(at_field(30.0).rescaled, (18.8, 19.6), ("AFMxy", "AFMz"), 2)
    assert apart.kind == "none"
    assert np.isnan(apart.value)
    assert "one is lower at both bounds" in str(apart)
    with pytest.raises(mo.InputError, match="`bounds` must be two different values"):
        hf.find_crossing(mean_field.rescaled, (20.0, 20.0), ("AFMxy", "AFMz"), 2)
    with pytest.raises(mo.InputError, match="`tolerance` must be positive, but is 0"):
        hf.find_crossing(mean_field.rescaled, (20.0, 22.0), ("AFMxy", "AFMz"), 2, tolerance=0)
