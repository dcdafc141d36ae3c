"""A simulated sweep: bounds, known small cases, and the order of points on many ranks."""

import numpy as np
import pytest

from moire.errors import InputError
from moire.sweep.journal import Entry
from moire.sweep.simulation import simulate


def entries(seconds, estimate=None, task="ed"):
    estimate = seconds if estimate is None else estimate
    return [Entry("f", task, float(e), float(s), "", 0.0) for s, e in zip(seconds, estimate, strict=True)]


def test_points_are_dealt_out_as_ranks_are_free():
    found = simulate(entries([3, 3, 2, 2, 2]), 2, service_s=0.0, poll_s=0.0)
    assert found.makespan_s == pytest.approx(7)  # 3 + 2 + 2 and 3 + 2
    assert found.bound_s == pytest.approx(6)
    assert found.idle == pytest.approx(2 / 14)
    alone = simulate(entries([3, 3, 2]), 1, service_s=0.0, poll_s=0.0)
    assert alone.makespan_s == alone.bound_s == pytest.approx(8)
    assert alone.idle == pytest.approx(0)


def test_rank_0_serves_one_rank_at_a_time():
    found = simulate(entries([1] * 4), 4, service_s=0.5, poll_s=0.0)
    assert found.makespan_s == pytest.approx(1 + 4 * 0.5)


def test_a_thousand_ranks_end_within_five_per_cent_of_the_bound():
    """40,000 points of three tasks; true times scatter by 30 % about a law that the sweep does not know."""
    rng = np.random.default_rng(5)
    points = []
    for task, typical, scale, power in [("hf", 40, 3.0, 1.1), ("ed", 10, 0.3, 0.9), ("bands", 2, 1.5, 1.0)]:
        estimate = typical * rng.lognormal(0, 0.5, 13_333)
        seconds = scale * typical * (estimate / typical) ** power * rng.lognormal(0, 0.3, len(estimate))
        points += entries(seconds, estimate, task)
    found = simulate(points, 1000)
    assert found.bound_s == pytest.approx(sum(point.seconds for point in points) / 1000)
    assert 1 <= found.makespan_s / found.bound_s < 1.05
    assert found.idle < 0.05


def test_without_estimates_the_end_is_later():
    rng = np.random.default_rng(6)
    seconds = rng.lognormal(0, 1.0, 400)
    known, unknown = simulate(entries(seconds), 40), simulate(entries(seconds, np.ones(400)), 40)
    assert known.makespan_s < 0.95 * unknown.makespan_s


def test_no_order_ends_before_the_longest_point():
    found = simulate(entries([100, 1, 1, 1]), 50, service_s=0.0, poll_s=0.0)
    assert found.makespan_s == found.bound_s == 100


def test_bad_input():
    with pytest.raises(InputError, match="`n_ranks` must be at least 1"):
        simulate(entries([1]), 0)
    with pytest.raises(InputError, match="`points` must hold at least one point"):
        simulate([], 2)
