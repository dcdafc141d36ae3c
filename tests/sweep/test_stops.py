"""Signals, limits and closed pipes: one sentence or none, and nothing that was finished is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from moire.errors import InputError
from moire.interrupts import LimitReached, check_signals, limits, stopping_signals
from moire.io import read_record
from moire.parameters import WANG_2023
from moire.sweep import BandsTask, EdTask, ModelPoint, Request, ResultsFolder, SweepSettings, run_sweep
from moire.sweep import point as point_module

ROOT = Path(__file__).parents[2]
PLAN = """
name = "small"
tasks = ["bands"]
[model]
parameter_set = "WANG_2023"
twist_deg = {start = 3.0, stop = 3.9, step = 0.1}
plane_wave_shells = 3
[bands]
mesh = [6, 6]
points_per_segment = 3
"""
POINT = ModelPoint(parameters=WANG_2023, twist_deg=3.5, plane_wave_shells=2)
BANDS = Request(point=POINT, task=BandsTask(mesh=(3, 3), points_per_segment=2))
ED = Request(point=POINT, task=EdTask(cluster=(2, 3), filling="-2/3", q_cutoff=1.0))


@pytest.fixture
def command(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    return [sys.executable, "-m", "moire", "sweep", str(tmp_path / "plan.toml"), "--output", str(tmp_path / "out")]


@pytest.fixture
def folder(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    return folder


def start(command, **environment):
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGTERM, 143, "Terminated"), (signal.SIGINT, 130, "Interrupted")]
)
def test_a_signal_ends_a_sweep_with_one_sentence_and_its_code(command, tmp_path, number, code, word, workers):
    running = start([*command, "--workers", workers])
    for line in running.stdout:
        if line.startswith("[2/10]"):
            running.send_signal(number)
            break
    _, errors = running.communicate(timeout=60)
    assert running.returncode == code
    assert errors.strip() == f"{word}; a sweep keeps its finished points, and the same command resumes it."
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "0 failed" in done.stdout
    assert "already finished, " in done.stdout
    assert not list((tmp_path / "out").glob("*/.*"))
    assert not (tmp_path / "out" / "claims").exists()


def test_a_signal_whose_exception_is_lost_still_ends_the_sweep(folder, monkeypatch):
    begun = []

    def swallow(request, **_):
        begun.append(request)
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        except KeyboardInterrupt:
            raise ValueError("swallowed") from None

    monkeypatch.setattr(point_module, "compute", swallow)
    with stopping_signals(), pytest.raises(KeyboardInterrupt):
        run_sweep([BANDS, ED], folder, say=str)
    assert len(begun) == 1
    assert folder.files() == []  # an interrupted point is no failed one
    with stopping_signals():
        check_signals()  # a new run has no signals yet


def endless(_, **how):
    if how["checkpoint"] is not None:
        (how["checkpoint"] / "state.h5").touch()
    while True:
        time.sleep(0.001)


def test_a_point_beyond_the_limit_is_recorded_and_the_sweep_goes_on(folder, monkeypatch):
    genuine = point_module.compute
    monkeypatch.setattr(point_module, "compute", lambda r, **how: (endless if r is ED else genuine)(r, **how))
    report = run_sweep([ED, BANDS], folder, say=str, settings=SweepSettings(point_limit_s=0.05))
    sentence = "The point took longer than its limit of 0.05 s; a longer limit continues from its checkpoint."
    # the limit is on every point, but only the endless one is certain to reach it
    assert (ED.title, sentence) in report.failures
    record = read_record(folder.file_of(ED))
    assert (record.kind, record.attributes["error"]) == ("failure", sentence)
    assert (folder.checkpoints / ED.key / "state.h5").exists()
    monkeypatch.undo()
    assert run_sweep([ED, BANDS], folder, say=str).failures == ()
    assert not folder.checkpoints.exists()


def test_a_limit_that_arrives_as_another_error_is_the_limit(folder, monkeypatch):
    def wrapped(*_, **__):
        try:
            endless(None, checkpoint=None)
        except LimitReached:
            raise RuntimeError("failed in nopython mode pipeline") from None

    monkeypatch.setattr(point_module, "compute", wrapped)
    report = run_sweep([BANDS], folder, say=str, settings=SweepSettings(point_limit_s=0.02))
    assert report.failures == ((BANDS.title, "The point took longer than its limit of 0.02 s."),)


def test_a_point_that_grows_beyond_its_memory_is_recorded(folder, monkeypatch):
    """The block is written to, so that the process holds it; the limit lies halfway."""
    held = psutil.Process().memory_info().rss / 2**30

    def growing(*_, **__):
        kept = np.ones(1 << 25)  # 256 MiB
        while kept[0]:
            time.sleep(0.001)

    genuine = point_module.compute
    monkeypatch.setattr(point_module, "compute", lambda r, **how: (growing if r is ED else genuine)(r, **how))
    limit = held + 0.125
    report = run_sweep([ED, BANDS], folder, say=str, settings=SweepSettings(memory_limit_gib=limit))
    sentence = f"The point took more than its limit of {limit:g} GiB."
    assert (ED.title, sentence) in report.failures
    assert read_record(folder.file_of(ED)).attributes["error"] == sentence


def test_a_point_that_would_be_too_large_is_not_begun(folder, monkeypatch):
    begun = []
    monkeypatch.setattr(point_module, "compute", lambda request, **_: begun.append(request))
    monkeypatch.setattr(type(ED.task), "memory", lambda *_: 5.2 * 2**30)
    report = run_sweep([ED], folder, say=str, settings=SweepSettings(memory_limit_gib=4))
    assert report.failures == (
        (ED.title, "MemoryRefusedError: The point would take about 5.2 GiB, more than its limit of 4 GiB."),
    )
    assert not begun


def test_a_limit_leaves_no_alarm_behind():
    before = signal.getsignal(signal.SIGALRM)
    with limits(3600.0):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before
    reached = []
    thread = threading.Thread(target=lambda: reached.append(limits(1e-9).__enter__().reached))
    thread.start()  # signals go to the main thread: elsewhere there is no limit
    thread.join()
    assert reached == [False]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_a_time(limit):
    with pytest.raises(InputError, match=r"`point_limit` must be positive seconds, but is"):
        SweepSettings(point_limit_s=limit)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_a_memory(limit):
    with pytest.raises(InputError, match=r"`memory_limit` must be positive GiB, but is"):
        SweepSettings(memory_limit_gib=limit)


def test_a_closed_pipe_ends_quietly(command):
    for arguments in (command, [*command, "--dry-run"]):
        running = start(arguments)
        running.stdout.close()
        errors = running.stderr.read()
        assert running.wait(timeout=60) == 141
        assert errors == ""
        running.stderr.close()


LOST = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
except KeyboardInterrupt:
    raise ImportError("cannot load") from None
"""


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("click", "raise KeyboardInterrupt"),
        ("numba", "raise KeyboardInterrupt"),
        ("numba", LOST),
    ],
)
def test_an_interrupt_during_imports_prints_no_traceback(tmp_path, command, module, code):
    (tmp_path / "early" / module).mkdir(parents=True)
    (tmp_path / "early" / module / "__init__.py").write_text(code + "\n")
    running = start(command, PYTHONPATH=f"{tmp_path / 'early'}{os.pathsep}{ROOT}")
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in errors
    assert len(errors.strip().splitlines()) <= 1
