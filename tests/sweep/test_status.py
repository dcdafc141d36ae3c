"""`moire status`: what is done, failed, running and waiting, without opening a result."""

import json
import os
import time
from dataclasses import replace

import pytest

from moire.cli import cli
from moire.errors import InputError
from moire.parameters import WANG_2023
from moire.sweep import BandsTask, ModelPoint, Request, ResultsFolder, folder_status
from moire.sweep.claims import STALE_SECONDS, Owner
from moire.sweep.journal import Asked, Entry

TASK = BandsTask(mesh=(3, 3), points_per_segment=2)


def requests(number):
    points = [ModelPoint(parameters=WANG_2023, twist_deg=3 + i / 100, plane_wave_shells=2) for i in range(number)]
    return [Request(point=point, task=TASK) for point in points]


@pytest.fixture
def folder(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    return folder


def end(folder, request, error="", seconds=10.0, ago=60.0):
    folder.file_of(request).touch()
    at = time.time() - ago
    folder.journal.note(Entry(request.file_name, "bands", request.task.cost(), seconds, error, at))


def claim(folder, request, host, age=0.0):
    folder.claims().path.mkdir(exist_ok=True)
    owner = replace(Owner.this_process(request.title), host=host, machine=host, since=time.time() - 3661)
    path = folder.claims().path / f"{request.key}.0"
    path.write_text(json.dumps(vars(owner)))
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))


def test_the_state_of_a_folder_in_mid_run(folder):
    points = requests(10)
    folder.journal.ask(points)
    folder.journal.ask(points)  # by another job
    assert len(list(folder.journal.path.glob("asked-*"))) == 1
    for request in points[:4]:
        end(folder, request)
    end(folder, points[4], "ValueError: first", ago=200.0)
    end(folder, points[4], ago=100.0)  # again, and well
    end(folder, points[5], "ValueError: on purpose")
    folder.file_of(points[6]).touch()  # of an earlier version
    claim(folder, points[7], "node1")
    claim(folder, points[8], "node2", STALE_SECONDS + 60)  # of a job that died
    status = folder_status(folder)
    assert (status.n_asked, status.n_done, status.n_unknown, status.n_waiting) == (10, 6, 1, 2)
    assert status.failures == ((points[5].file_name, "ValueError: on purpose"),)
    assert [owner.host for owner in status.running] == ["node1"]
    assert status.per_hour == pytest.approx(7 * 3600 / 210, rel=0.1)  # since the first was begun
    assert status.seconds_left == pytest.approx(30, rel=0.2)  # three points of ten seconds, one process
    text = str(status)
    assert text.startswith("10 points: 6 done (1 of them not in the journal), 1 failed, 1 running, 2 waiting.\n")
    assert f"  running for 1:01:01 on node1 (process {os.getpid()}): {points[7].title}\n" in text
    assert f"  failed: {points[5].file_name}: ValueError: on purpose\n" in text
    assert "points per hour in the last hour.\nAbout 00:" in text


def test_points_of_one_plan_are_counted_alone(folder):
    points = requests(4)
    folder.journal.ask(points)
    for request in points:
        end(folder, request, ago=7200.0)
    status = folder_status(folder, points[:2])
    assert (status.n_asked, status.n_done, status.per_hour) == (2, 2, 0.0)
    assert str(status) == "2 points: 2 done, 0 failed, 0 running, 0 waiting."


def test_a_journal_that_was_cut_or_lost_costs_nothing(folder):
    points = requests(3)
    folder.journal.ask(points)
    end(folder, points[0])
    for path in folder.journal.path.iterdir():
        path.write_bytes(b"[[\xff" if path.suffix == ".json" else b'{"file": "x"}\n[1]\nnull\n\xff\n{"fi')
    status = folder_status(folder)
    assert (status.n_asked, status.n_done, status.n_unknown) == (1, 1, 1)


def test_a_folder_of_many_points_is_told_from_its_names(folder):
    """20,000 points, of which no file is opened: each is empty."""
    number = 20_000
    asked = [[f"bands-{i}.h5", "bands", 1.0] for i in range(number)]
    folder.journal.path.mkdir()
    (folder.journal.path / "asked-0.json").write_text(json.dumps(asked))
    with (folder.journal.path / "0.jsonl").open("w") as lines:
        for name, task, estimate in asked[: number // 2]:
            (folder.points / name).touch()
            lines.write(json.dumps(vars(Entry(name, task, estimate, 2.0, "", time.time()))) + "\n")
    status = folder_status(folder)
    assert (status.n_asked, status.n_done, status.n_waiting) == (number, number // 2, number // 2)
    assert folder.journal.asked()["bands-7.h5"] == Asked("bands-7.h5", "bands", 1.0)


def test_the_command(folder, tmp_path, capsys, monkeypatch):
    plan = tmp_path / "plan.toml"
    plan.write_text('name = "x"\ntasks = ["bands"]\n[model]\nparameter_set = "WANG_2023"\ntwist_deg = [3.5, 3.6]\n')
    end(folder, requests(1)[0])
    cli.main(["status", str(folder.path)], standalone_mode=False)
    assert "1 point: 1 done, 0 failed, 0 running, 0 waiting." in capsys.readouterr().out
    cli.main(["status", str(plan), "--output", str(folder.path)], standalone_mode=False)
    assert "2 points: 0 done, 0 failed, 0 running, 2 waiting." in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="`folder` must hold results of a sweep, but results/x has no points"):
        cli.main(["status", str(plan)], standalone_mode=False)
