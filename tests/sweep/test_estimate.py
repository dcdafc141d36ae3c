"""Estimates of a dry run: what grows is counted, and the largest and the longest task are named."""

import re

import pytest

from moire import resources
from moire.bands import solve_bands
from moire.exact_diagonalization import sector_dimensions
from moire.exact_diagonalization.memory import sector_memory
from moire.orbitals import Orbitals
from moire.sweep import TASKS, estimate, parse_plan
from moire.sweep.estimate import duration

MODEL = {"parameter_set": "WANG_2023", "twist_deg": 3.7, "plane_wave_shells": 3}
PLAN = {
    "tasks": list(TASKS),
    "model": MODEL,
    "hf": [{"mesh": [6, 6]}],
    "ed": [{"cluster": [3, 4], "filling": "-2/3"}],
    "fci": [{"cluster": [3, 4], "filling": "-2/3"}],
}


def only(task, **options):
    table = [options] if task in ("hf", "ed", "fci") else options
    (request,) = parse_plan({"tasks": [task], "model": MODEL, task: table}).requests()
    return request


@pytest.mark.parametrize(
    ("task", "small", "large"),
    [
        ("bands", {"mesh": [30, 30]}, {"mesh": [60, 60]}),
        ("chern", {"mesh": [30, 30]}, {"mesh": [60, 60]}),
        ("topology", {"mesh": [30, 30]}, {"mesh": [60, 60]}),
        ("hf", {"mesh": [6, 6]}, {"mesh": [12, 12]}),
        ("hf", {"mesh": [6, 6]}, {"mesh": [6, 6], "n_modes": 2}),
        ("hf", {"mesh": [6, 6]}, {"mesh": [6, 6], "supercell": "sqrt3", "filling": "-2"}),
        ("ed", {"cluster": [3, 5], "filling": "-1/3"}, {"cluster": [4, 6], "filling": "-1/3"}),
        ("ed", {"cluster": [3, 4], "filling": "-1/3"}, {"cluster": [3, 4], "filling": "-1/3", "valleys": "both"}),
        (
            "ed",
            {"cluster": [3, 4], "filling": "-1/3", "n_bands": 2, "max_promoted": [2]},
            {"cluster": [3, 4], "filling": "-1/3", "n_bands": 2},
        ),
        ("fci", {"cluster": [3, 5], "filling": "-1/3"}, {"cluster": [4, 6], "filling": "-1/3"}),
    ],
)
def test_memory_grows_with_the_problem(task, small, large):
    requests = [only(task, **options) for options in (small, large)]
    few, many = (request.task.memory(request.point) for request in requests)
    assert 1e5 < few < many < 1e10


def test_memory_holds_the_states_and_the_vectors():
    request = only("bands", mesh=[40, 40], points_per_segment=1)
    solved = solve_bands(request.point.build(), request.point.grid((40, 40)), 3)
    assert 2 * solved.states.nbytes < request.task.memory(request.point) < 3 * solved.states.nbytes
    spectrum = only("ed", cluster=[4, 6], filling="-1/3")
    dimensions = sector_dimensions(Orbitals(spectrum.point.grid((4, 6))), 8)
    assert dimensions.sum() == 735471  # C(24, 8)
    assert sector_memory(24, 8, int(dimensions.max()), 4).total < spectrum.task.memory(spectrum.point)
    kept = only("fci", cluster=[4, 6], filling="-1/3")
    more = kept.task.memory(kept.point) - spectrum.task.memory(spectrum.point)
    phases = 2 * 13 + 6 * 6
    expected = 16 * (4 + 2 * 3 / 24 * phases) * 735471  # all vectors, and two of 3 of 24 sectors at all phases
    assert more == pytest.approx(expected)


def test_missing_carriers_count_where_they_are_fewer():
    few, many = only("ed", cluster=[3, 5], filling="-1/3"), only("ed", cluster=[3, 5], filling="-2/3")
    assert few.task.memory(few.point) == many.task.memory(many.point)


def test_a_dry_run_names_the_longest_and_the_largest():
    estimates = estimate(parse_plan(PLAN).requests())
    assert [found.request.task.name for found in estimates.each] == list(TASKS)
    assert estimates.seconds == pytest.approx(sum(found.request.task.cost() for found in estimates.each))
    lines = str(estimates).split("\n")
    assert lines[0].split() == ["key", "time", "memory", "computation"]
    assert all(found.request.title in line for found, line in zip(estimates.each, lines[1:], strict=False))
    assert lines[-3].startswith("6 computations, about ")
    assert lines[-2].startswith(f"Longest: {estimates.longest.request.title}, about ")
    assert lines[-1].startswith(f"Most memory: {estimates.largest.request.title}, about ")


def test_what_does_not_fit_here_is_told():
    huge = only("ed", cluster=[6, 10], filling="-1/2")
    text = str(estimate([huge, only("bands")]))
    assert text.endswith("1 of them would not fit in the memory available here.")


def test_what_many_machines_could_compute_is_told(monkeypatch):
    """3x9 with 9 holes does not fit in 64 MiB with the fewest vectors; eight such machines hold 60 of them."""
    monkeypatch.setattr(resources, "available_bytes", lambda: 64 << 20)
    text = str(estimate([only("ed", cluster=[3, 9], filling="-1/3")]))
    told = r"`moire ed` under mpiexec could compute the largest: 173,613 states on 8 ranks: \d\d\.\d MiB on each"
    assert re.match(told, text.splitlines()[-1])
    assert "under mpiexec" not in str(estimate([only("ed", cluster=[3, 4], filling="-1/3")]))


def test_points_at_other_fields_are_not_counted_anew(monkeypatch):
    requests = parse_plan({"tasks": ["bands"], "model": MODEL | {"displacement_mev": list(range(50))}}).requests()
    calls = []
    monkeypatch.setattr(type(requests[0].task), "memory", lambda task, point: calls.append(point) or 1.0)
    assert len(estimate(requests).each) == 50
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.31, "0.31 s"), (99, "99 s"), (125, "02:05"), (7500, "2:05:00"), (90000, "1 d 1:00:00")]
)
def test_times(seconds, text):
    assert duration(seconds) == text
