"""Kills of a sweep at every step that it takes on the disk, and what a second run makes of what is left.

Run as ``python -m tests.sweep.kill_campaign FOLDER KILLS_PER_PHASE PHASE...``; prints one JSON line for each kill. The
sweeps are children of this process, so that they need no imports of their own.
"""

import json
import os
import shutil
import signal
import sys
import traceback
from collections import defaultdict
from pathlib import Path

import numpy as np

from moire.exact_diagonalization import eigensolvers, resume
from moire.io import FileStatus, file_status, read_record
from moire.parameters import WANG_2023
from moire.sweep import (
    BandsTask,
    EdTask,
    ModelPoint,
    Request,
    ResultsFolder,
    SweepSettings,
    collect,
    run_sweep,
    write_summary,
)

PHASES = {
    "marker": "moire.json",
    "write": "/points",
    "merge": "summary",
    "claim": "/claims",
    "checkpoint": "/checkpoints",
    "journal": "/journal",
}
WATCHED = ("mkdir", "rmdir", "link", "unlink", "replace", "rename", "open", "pwrite", "fsync", "chmod")
_POINTS = [ModelPoint(parameters=WANG_2023, twist_deg=twist, plane_wave_shells=2) for twist in (3.5, 3.7)]
REQUESTS = (
    *(Request(point=point, task=BandsTask(mesh=(3, 3), points_per_segment=2)) for point in _POINTS),
    Request(point=_POINTS[1], task=EdTask(cluster=(3, 4), filling="-2/3", q_cutoff=1.0, n_eigenstates=2)),
)


def run(path, settings=SweepSettings()):  # noqa: B008 - frozen
    """What `moire sweep` does with a folder."""
    folder = ResultsFolder(path)
    folder.open_for_writing()
    report = run_sweep(REQUESTS, folder, say=str, settings=settings)
    write_summary(folder, collect(folder))
    return folder, report


def watch(step):
    """Call `step(phase)` before every operation on the disk."""

    def watched(name, genuine):
        def operation(*arguments, **options):
            target = arguments[-1] if name in ("link", "replace", "rename") else arguments[0]
            path = str(Path(f"/proc/self/fd/{target}").readlink() if isinstance(target, int) else target)
            for phase, part in PHASES.items():
                if part in path:
                    step(phase)
            return genuine(*arguments, **options)

        return operation

    for name in WATCHED:
        setattr(os, name, watched(name, getattr(os, name)))


def child(action):
    """Exit code of a child that does `action`, minus the signal that ended it."""
    number = os.fork()
    if number == 0:
        code = 1
        try:
            action()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def count_steps(path):
    """Number of operations in each phase of an undisturbed run."""
    counts = defaultdict(int)

    def count(phase):
        counts[phase] += 1

    def action():
        watch(count)
        run(path)
        path.with_suffix(".json").write_text(json.dumps(counts))

    assert child(action) == 0
    return json.loads(path.with_suffix(".json").read_text())


def killed_at(path, phase, number):
    """Run until operation `number` of a phase, and die there."""
    counts = defaultdict(int)

    def die(where):
        counts[where] += 1
        if (where, counts[where]) == (phase, number):
            os.kill(os.getpid(), signal.SIGKILL)

    def action():
        watch(die)
        run(path)

    return child(action)


def state_after(path, expected):
    """What is wrong with a folder that a kill left, and the number of its finished points."""
    finished, wrong = 0, []
    for request in REQUESTS:
        status = file_status(ResultsFolder(path).file_of(request))
        finished += status is FileStatus.FINISHED
        wrong += [f"{request.title} is {status.value}"] * (status not in (FileStatus.FINISHED, FileStatus.ABSENT))
    folder, report = run(path)
    if (report.computed, report.skipped) != (3 - finished, finished) or report.n_unfinished:
        wrong.append(f"second run: {report}, but {finished} were finished")
    for request in REQUESTS:
        one, other = (read_record(place.file_of(request)) for place in (folder, expected))
        for name, dataset in other.datasets.items():
            if name == "spectrum/n_products":  # the work of this run: a sector read from a checkpoint needs none
                continue
            if not np.array_equal(np.asarray(one[name]), np.asarray(dataset.values), equal_nan=_is_float(dataset)):
                wrong.append(f"{request.title}: {name} differs")
    left = [found for name in ("claims", "checkpoints") for found in path.glob(f"{name}/*")]
    return finished, wrong + [f"{found.name} is left" for found in left if not found.name.startswith(".")]


def _is_float(dataset):
    return np.asarray(dataset.values).dtype.kind in "fc"


def main(place, n_per_phase, phases):
    """Kill, resume and compare; one line for each kill."""
    eigensolvers.DENSE_DIMENSION = resume.STATE_DIMENSION = 10  # so that small sectors keep checkpoints
    place.mkdir(parents=True)
    reference = place / "reference"
    steps = count_steps(reference)
    for phase in phases:
        numbers = np.unique(np.linspace(1, steps[phase], n_per_phase + 2).astype(int))
        chosen = numbers if n_per_phase > 1 else numbers[1:2]
        for number in map(int, chosen):
            path = place / "killed"
            shutil.rmtree(path, ignore_errors=True)
            code = killed_at(path, phase, number)
            outcome = path.with_suffix(".json")
            outcome.unlink(missing_ok=True)

            def examine(path=path, outcome=outcome):
                outcome.write_text(json.dumps(state_after(path, ResultsFolder(reference))))

            examined = child(examine)
            finished, wrong = json.loads(outcome.read_text()) if examined == 0 else (None, ["the second run failed"])
            row = {"phase": phase, "step": number, "of": steps[phase], "code": code, "finished": finished}
            print(json.dumps({**row, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(PHASES))
