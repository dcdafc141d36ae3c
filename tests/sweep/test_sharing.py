"""Many jobs in one folder: every point is computed once, and the claims of the dead are taken over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moire.errors import InputError, OutputError
from moire.io import read_record, write_record
from moire.parameters import WANG_2023
from moire.sweep import BandsTask, EdTask, ModelPoint, Request, ResultsFolder, SweepSettings, compute, run_sweep
from moire.sweep import claims as claims_module
from moire.sweep import point as point_module
from moire.sweep.claims import STALE_SECONDS, Claims, Owner
from moire.sweep.costs import CostModel, CostQueue, estimates, share
from moire.sweep.point import record_failure
from moire.sweep.workers import dispatch_to_workers

ROOT = Path(__file__).parents[2]


def request(number, task=BandsTask(mesh=(3, 3), points_per_segment=2)):  # noqa: B008 - frozen
    point = ModelPoint(parameters=WANG_2023, twist_deg=3.0 + number / 100, plane_wave_shells=2)
    return Request(point=point, task=task)


REQUESTS = tuple(request(number) for number in range(24))


@pytest.fixture(scope="module")
def outcome():
    return compute(REQUESTS[0])


@pytest.fixture
def counted(monkeypatch, outcome):
    """Computations of each request; a computation is one small record."""
    counts = Counter()

    def count(asked, **_):
        counts[asked] += 1
        time.sleep(0.001)  # so that threads take turns
        attributes = {**outcome.record.attributes, "request": asked.canonical(), "key": asked.key}
        own = {f"summary/{name}": column for name, column in asked.coordinates().items()}
        datasets = {**outcome.record.datasets, **own}
        return replace(outcome, record=replace(outcome.record, attributes=attributes, datasets=datasets))

    monkeypatch.setattr(point_module, "compute", count)
    return counts


@pytest.fixture
def folder(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    return folder


def of_another_machine(folder, asked, age=0.0, generation=0):
    folder.claims().path.mkdir(exist_ok=True)
    path = folder.claims().path / f"{asked.key}.{generation}"
    path.write_text(json.dumps(vars(replace(Owner.this_process(asked.title), host="node7", machine="other"))))
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))
    return path


def take(folder):
    with folder.claims().held(REQUESTS[0]) as mine:
        if mine:
            time.sleep(0.02)
        return mine


@pytest.mark.parametrize("with_links", [True, False])
@pytest.mark.parametrize("stale", [0, 1, 3])
def test_one_process_of_many_takes_a_claim(folder, monkeypatch, with_links, stale):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    if not with_links:
        monkeypatch.setattr(os, "link", refuse)
    claims = [folder.claims() for _ in range(8)]
    for generation in range(stale):
        of_another_machine(folder, REQUESTS[0], STALE_SECONDS + 60, generation)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda one: one._take(REQUESTS[0]), claims))
    assert sum(claim is not None for claim in taken) == 1
    next(claim for claim in taken if claim is not None).release(done=True)
    assert not [path for path in folder.claims().path.iterdir() if not path.name.startswith(".")]
    assert take(folder)


def test_a_claim_of_another_machine_holds_while_it_is_touched(folder):
    path = of_another_machine(folder, REQUESTS[0])
    assert not take(folder)
    assert folder.claims().owner(REQUESTS[0]).host == "node7"
    for age in (STALE_SECONDS + 60, -STALE_SECONDS - 60):  # from the future: of a clock that was wrong
        of_another_machine(folder, REQUESTS[0], age)
        assert folder.claims().owner(REQUESTS[0]) is None
        with folder.claims().held(REQUESTS[0]) as mine:
            assert mine
            assert not take(folder)
            assert [owner.pid for owner in folder.claims().owners()] == [os.getpid()]
        assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}'])
def test_a_claim_that_cannot_be_read_holds_until_it_is_old(folder, content):
    path = of_another_machine(folder, REQUESTS[0])
    path.write_bytes(content)
    assert not take(folder)
    os.utime(path, (0, 0))
    assert take(folder)


def test_the_claim_of_a_killed_process_is_taken_over_at_once(folder):
    code = (
        "import os, signal, sys\n"
        "from tests.sweep.test_sharing import REQUESTS, ResultsFolder, Path\n"
        "with ResultsFolder(Path(sys.argv[1])).claims().held(REQUESTS[0]) as mine:\n"
        "    assert mine\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", code, folder.path], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    assert [path.name for path in folder.claims().path.iterdir()] == [f"{REQUESTS[0].key}.0"]
    assert take(folder)
    assert not list(folder.claims().path.iterdir())


def test_a_claim_lives_as_long_as_its_owner_works(folder, monkeypatch):
    monkeypatch.setattr(claims_module, "HEARTBEAT_SECONDS", 0.005)
    with folder.claims() as claims, claims.held(REQUESTS[0]) as mine:
        assert mine
        (path,) = claims.path.iterdir()
        os.utime(path, (0, 0))
        while path.stat().st_mtime == 0:
            time.sleep(0.001)
    assert not claims.path.exists()


def test_a_claim_that_cannot_be_made_is_one_sentence(folder):
    folder.claims().path.write_text("in the way")
    with (
        pytest.raises(OutputError, match="must be a file that can be written, but is not"),
        folder.claims().held(REQUESTS[0]),
    ):
        pass
    assert len(run_sweep(REQUESTS[:2], folder, say=str).failures) == 2


@pytest.mark.parametrize("shards", [True, False])
def test_eight_jobs_on_one_folder_compute_every_point_once(folder, counted, shards):
    def job(number):
        own = ResultsFolder(folder.path)
        own.open_for_writing()
        settings = SweepSettings(shard=(number, 8) if shards else (1, 1))
        return run_sweep(REQUESTS, own, say=str, settings=settings)

    with ThreadPoolExecutor(8) as threads:
        reports = list(threads.map(job, range(1, 9)))
    assert counted == dict.fromkeys(REQUESTS, 1)
    assert sum(report.computed for report in reports) == len(REQUESTS)
    assert all(report.n_unfinished == 0 for report in reports)
    assert {report.computed + report.skipped for report in reports} == {3 if shards else 24}
    assert len(folder.files()) == len(REQUESTS)
    assert not (folder.path / "claims").exists()


def test_a_sweep_waits_for_what_another_computes(folder, counted, monkeypatch, outcome):
    """Another machine finishes one point, fails in the next, and falls silent in the third."""
    finished, failed, silent = REQUESTS[:3]
    of_another_machine(folder, finished)
    of_another_machine(folder, failed)
    left = of_another_machine(folder, silent)
    steps = [
        lambda: write_record(folder.file_of(finished), outcome.record),
        lambda: write_record(folder.file_of(failed), record_failure(failed, "ValueError: there", "", 1.0)),
        lambda: os.utime(left, (0, 0)),
    ]

    def pass_time(seconds):
        if seconds == claims_module._POLL_SECONDS:
            steps.pop(0)()
            for name in (finished, failed):
                path = folder.claims().path / f"{name.key}.0"
                if folder.file_of(name).exists():
                    path.unlink(missing_ok=True)

    monkeypatch.setattr(claims_module.time, "sleep", pass_time)
    lines = []
    report = run_sweep(REQUESTS[:4], folder, say=lines.append)
    assert counted == {silent: 1, REQUESTS[3]: 1}
    assert (report.computed, report.skipped) == (2, 1)
    assert report.failures == ((failed.title, "ValueError: there"),)
    waiting = [line for line in lines if line.startswith("Waiting")]
    assert len(waiting) == 1
    assert waiting[0].startswith("Waiting for 3 points that other sweeps of this folder compute, such as bands at 3")
    assert waiting[0].endswith("on node7.")


def test_an_interrupted_point_is_free_again(folder, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(point_module, "compute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(REQUESTS[:1], folder, say=str)
    assert not folder.claims().path.exists()


@pytest.mark.parametrize("n_parts", [1, 3, 8, 40])
def test_shards_are_parts_of_equal_cost(n_parts):
    tasks = (BandsTask(mesh=(3, 3)), BandsTask(mesh=(9, 9)), EdTask(cluster=(3, 4), filling="-2/3"))
    requests = [request(number, tasks[number % 3]) for number in range(36)]
    parts = [share(requests, (part, n_parts)) for part in range(1, n_parts + 1)]
    assert sorted((r for part in parts for r in part), key=requests.index) == requests
    costs = [sum(estimates(part)) for part in parts]
    assert max(costs) - min(costs) <= 2 * max(estimates(requests))
    assert share(requests[::-1], (1, n_parts))[::-1] == parts[0]  # whatever the order of the plan


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0)])
def test_a_shard_is_one_of_its_number(shard):
    with pytest.raises(InputError, match=r"`shard` must read i/n with 1 <= i <= n, but is"):
        SweepSettings(shard=shard)


def test_costs_are_learnt_from_finished_points():
    """A task that takes a thousand times its estimate to the power 1.2."""
    model = CostModel()
    assert model.seconds("ed", np.array([3.0]))[0] == pytest.approx(3.0)  # until a point is finished
    rng = np.random.default_rng(0)
    for estimate in rng.uniform(0.1, 10, 40):
        model.learn("ed", estimate, 1000 * estimate**1.2)
    np.testing.assert_allclose(model.seconds("ed", np.array([0.5, 5.0])), 1000 * np.array([0.5, 5.0]) ** 1.2, rtol=0.05)
    assert model.seconds("bands", np.array([3.0]))[0] == pytest.approx(3.0)  # another task
    model.learn("ed", 0.0, 1.0)
    model.learn("ed", 1.0, 0.0)
    assert np.isfinite(model.seconds("ed", np.array([0.0, 1.0]))).all()


def test_the_costliest_point_comes_first_as_known_by_then():
    ed = EdTask(cluster=(3, 4), filling="-2/3")
    requests = [request(0), request(1, ed), request(2), request(3, EdTask(cluster=(3, 3), filling="-2/3"))]
    model = CostModel()
    queue = CostQueue.of(requests, model)
    assert queue.take() == 1
    model.learn("ed", queue.estimate(requests[1]), 1e-6)
    model.learn("bands", queue.estimate(requests[0]), 100.0)
    assert queue.seconds_left() > 100
    assert [queue.take(), queue.take(), queue.take(), queue.take()] == [0, 2, 3, None]
    assert queue.seconds_left() == 0


def test_the_next_run_knows_the_costs(folder, counted, monkeypatch):
    run_sweep(REQUESTS[:3], folder, say=str)
    (path,) = folder.journal.path.glob("*.jsonl")
    path.write_text(path.read_text() + '{"file": "cut by a ki')
    entries = list(folder.journal.entries())
    assert [entry.file for entry in entries] == [request.file_name for request in REQUESTS[:3]]
    assert list(folder.journal.asked()) == [request.file_name for request in REQUESTS[:3]]
    model = CostModel()
    folder.journal.teach(model)
    assert model.seconds("bands", np.array([0.1]))[0] != 0.1


def double(job):
    if job == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "leave":
        os._exit(3)
    return 2 * job


def prepare():
    return double


class InOrder:
    def __init__(self, jobs):
        self._left = list(range(len(jobs)))

    def take(self):
        return self._left.pop(0) if self._left else None


def test_a_worker_that_dies_costs_its_job_only():
    jobs, reports = [1, "die", 2, "leave", 3], {}
    dispatch_to_workers(2, jobs, InOrder(jobs), prepare, reports.__setitem__, lambda job, code: (job, code))
    assert reports == {1: 2, 2: 4, 3: 6, "die": ("die", -9), "leave": ("leave", 3)}


def test_workers_give_the_bits_of_one_process(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'name = "small"\ntasks = ["ed"]\n[model]\nparameter_set = "WANG_2023"\ntwist_deg = [3.0, 3.1, 3.2]\n'
        'plane_wave_shells = 2\n[interaction]\nq_cutoff = 1\n[[ed]]\ncluster = [2, 3]\nfilling = "-2/3"\n'
    )
    for name, options in (("alone", []), ("shared", ["--workers", "2"])):
        command = [sys.executable, "-m", "moire", "sweep", plan, "--output", tmp_path / name, *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "3 computed, 0 already finished, 0 failed" in done.stdout
    assert "3 points. 2 processes. " in done.stdout
    for path in ResultsFolder(tmp_path / "alone").files():
        other = tmp_path / "shared" / "points" / path.name
        np.testing.assert_array_equal(read_record(path)["spectrum/energies"], read_record(other)["spectrum/energies"])


def test_a_point_that_kills_its_worker_is_recorded(folder):
    from moire.sweep.shared_work import record_death

    report = record_death(folder, REQUESTS[0], -9)
    assert report.error == "The process that computed the point died: signal 9 (SIGKILL)."
    record = read_record(folder.file_of(REQUESTS[0]))
    assert (record.kind, record.attributes["error"]) == ("failure", report.error)
    assert record_death(folder, REQUESTS[1], 3).error == "The process that computed the point died: exit code 3."


def test_claims_need_no_folder_to_be_asked(tmp_path):
    claims = Claims(tmp_path / "claims")
    assert claims.owners() == []
    assert claims.owner(REQUESTS[0]) is None
    with pytest.raises(OutputError), Claims(tmp_path / "gone" / "claims").held(REQUESTS[0]):
        pass
