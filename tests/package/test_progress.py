"""Progress where stderr is a file: a line at intervals with the time left; bars on a terminal only."""

import io
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import moire as mo
from moire import _progress, hartree_fock, observables
from moire._progress import counted, done, stage, titled
from moire.sweep import FciTask, HfTask, ResultsFolder, parse_plan, run_sweep
from moire.sweep.point import PointReport
from tests.message_cases import problem, regular, valleys


@pytest.fixture
def lines(monkeypatch):
    """Stderr that is a file; no loop is left behind."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    yield
    assert _progress._own.lines.loops == []
    assert _progress._own.counts == {}


def test_a_line_tells_of_all_loops_and_of_the_time_left(lines, monkeypatch):
    clock = iter([0.0, 0.0, 90.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    with titled("point"), stage("spectra", 4) as finished:
        finished()
        assert _progress._own.lines.line() == "point: spectra: 1 of 4, 01:30 elapsed, about 04:30 left"


def test_inner_loops_count_as_parts_of_a_step(lines, monkeypatch):
    clock = iter([0.0, 0.0, 100.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    with stage("spectra", 2):
        for number in counted(range(4), "sectors"):
            if number == 2:
                line = _progress._own.lines.line()
    assert line == "spectra: 0 of 2, sectors: 2 of 4, 01:40 elapsed, about 05:00 left"


def test_lines_come_at_intervals_and_end_with_the_loop(monkeypatch):
    told = io.StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    monkeypatch.setattr(_progress, "EVERY_S", 0.01)
    with stage("steps", 3) as finished:
        finished()
        deadline = time.monotonic() + 20
        while told.getvalue().count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert told.getvalue().startswith("steps: 1 of 3, 00:00 elapsed, about 00:00 left\n")
    ended = told.getvalue().count("\n")
    time.sleep(0.05)
    assert told.getvalue().count("\n") <= ended + 1


def test_a_terminal_has_bars_and_no_lines(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with stage("steps", 2):
        assert _progress._own.lines.loops == []
    with titled("point"), stage("steps", 2):  # several processes of a sweep would write over each other's bars
        assert [loop.label for loop in _progress._own.lines.loops] == ["", "steps"]


def test_threads_have_loops_of_their_own(lines):
    """Points of a sweep may be computed in threads: a loop that ends in one is not taken from another."""
    begun, ended = threading.Barrier(2), threading.Event()

    def first():
        with titled("first"):
            begun.wait(10)
            assert ended.wait(10)
            return [loop.label for loop in _progress._own.lines.loops]

    def second():
        with titled("second"):
            begun.wait(10)
        ended.set()

    with ThreadPoolExecutor(2) as pool:
        found, _ = pool.submit(first), pool.submit(second).result()
        assert found.result() == [""]


def test_hidden_loops_count_nothing(lines):
    assert list(counted([1, 2], "sectors")) == [1, 2]
    with stage("spectra", 2, shown=False):
        assert _progress._own.lines.loops == []
    done("spectra")


@pytest.fixture
def finished(monkeypatch):
    """Steps done of every loop as it ends."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    found = []
    close = _progress._Lines.close
    monkeypatch.setattr(
        _progress._Lines,
        "close",
        lambda self, loop: (found.append((loop.label, loop.n_done, loop.n_steps)), close(self, loop)),
    )
    return found


def test_a_report_counts_its_diagnostics(finished):
    settings = mo.SpectrumSettings(progress=True)
    observables.fci_report(
        problem(1, regular(3, 3)), "2/3", 3, n_flux_steps=4, phase_mesh=None, flux_directions=(1,), settings=settings
    )
    assert ("diagnostics", 2, 3) in finished  # the last one is under way as the loop ends
    assert ("phases", 5, 5) in finished
    assert {label for label, *_ in finished} == {"diagnostics", "sectors", "phases"}


def test_hartree_fock_counts_guesses(finished):
    with stage("dielectric constants", 1):
        hartree_fock.ground_state(valleys((2, 3)), 1, ("valley_polarised",))
    assert ("guesses", 1, 1) in finished


@pytest.mark.parametrize("task", [HfTask, FciTask])
def test_long_tasks_take_progress(task):
    assert "progress" in task.takes


def test_a_point_of_a_sweep_has_its_title_and_its_warnings_their_text(tmp_path, monkeypatch, finished):
    plan = {"tasks": ["bands"], "model": {"parameter_set": "WANG_2023", "twist_deg": 3.7, "plane_wave_shells": 2}}
    titles, said = [], []
    monkeypatch.setattr("moire.sweep.point.titled", lambda title: (titles.append(title), titled(title))[1])
    requests = parse_plan(plan | {"bands": {"mesh": [2, 2], "points_per_segment": 1}}).requests()
    folder = ResultsFolder(tmp_path / "out")
    folder.open_for_writing()
    run_sweep(requests, folder, say=said.append)
    assert titles == ["bands at 3.7 deg, D = 0 meV"]
    assert finished == [("", 0, 1)]
    assert any(line.startswith("    Warning: The plane-wave cutoff is too small") for line in said)
    assert str(PointReport(1.0, ("text",), "")) == "1.0 s"
