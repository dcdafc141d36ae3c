"""Sweeps under mpiexec: shared work, kills, foreign launchers, no MPI at all."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from moire.io import read_record, read_spectrum
from moire.sweep import ResultsFolder, collect

pytestmark = pytest.mark.mpi

PLAN = """
name = "small"
tasks = ["bands", "ed"]
[model]
parameter_set = "WANG_2023"
twist_deg = {start = 3.0, stop = 3.4, step = 0.1}
plane_wave_shells = 3
[bands]
mesh = [6, 6]
points_per_segment = 3
[interaction]
q_cutoff = 2
[[ed]]
cluster = [3, 3]
filling = "-2/3"
"""

ROOT = Path(__file__).parents[2]
MOIRE = [sys.executable, "-m", "moire"]


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def mpiexec(n_ranks):
    beside = Path(sys.executable).parent / "mpiexec"
    launcher = str(beside) if beside.exists() else shutil.which("mpiexec")
    assert launcher, "these tests need mpiexec: install the extra 'mpi', or deselect them with -m 'not mpi'"
    return [launcher, "-n", str(n_ranks)]


def run(command, **environment):
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


def test_ranks_share_the_points_and_give_the_serial_bits(plan, tmp_path):
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert run([*MOIRE, "sweep", plan, "--output", alone]).returncode == 0
    done = run([*mpiexec(3), *MOIRE, "sweep", plan, "--output", shared, "--plot"])
    assert done.returncode == 0, done.stderr
    assert "3 MPI ranks" in done.stdout
    assert done.stdout.count("10 computed, 0 already finished, 0 failed") == 1
    drawn = sorted(path.name for path in (shared / "figures").iterdir())  # each by one of the ranks
    assert drawn == ["bands.png", "fci-trend.png", "spectrum-3x3-nu-2_3-eps10.png"]
    assert done.stdout.count("Figure: ") == len(drawn)
    files = ResultsFolder(shared).files()
    assert [path.name for path in files] == [path.name for path in ResultsFolder(alone).files()]
    for path in files:
        if path.name.startswith("ed"):
            one, other = (read_spectrum(read_record(folder / "points" / path.name)) for folder in (alone, shared))
            np.testing.assert_array_equal(one.energies, other.energies)


def test_a_killed_sweep_resumes(plan, tmp_path):
    command = [*mpiexec(2), *MOIRE, "sweep", plan, "--output", tmp_path / "out"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("[3/10]"):
            os.killpg(running.pid, signal.SIGKILL)
            break
    running.wait()
    running.stdout.close()
    time.sleep(0.5)
    survivors = len(ResultsFolder(tmp_path / "out").files())
    assert 3 <= survivors < 10
    done = run(command)
    assert done.returncode == 0, done.stderr
    assert "0 failed" in done.stdout
    assert f"{survivors} already finished" in done.stdout
    summary = collect(ResultsFolder(tmp_path / "out"))
    assert not summary.failures
    assert [table.n_rows for table in summary.tables.values()] == [5, 5]


def test_a_bad_plan_is_told_once_by_all_ranks(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace("twist_deg", "twist"))
    done = run([*mpiexec(2), *MOIRE, "sweep", path, "--output", tmp_path / "out"])
    assert done.returncode == 2
    assert done.stderr.count("did you mean 'twist_deg'?") == 1


def test_a_folder_of_another_schema_stops_all_ranks(plan, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "moire.json").write_text('{"schema": 99}')
    done = run([*mpiexec(2), *MOIRE, "sweep", plan, "--output", tmp_path / "out"])
    assert done.returncode == 2
    assert done.stderr.count("must have schema") == 1


def test_an_mpiexec_of_another_vendor_is_noticed(plan, tmp_path):
    done = run([*MOIRE, "sweep", plan, "--output", tmp_path / "out"], OMPI_COMM_WORLD_SIZE="4")
    assert done.returncode == 2
    assert "`mpiexec` started 4 processes that are not connected by MPI" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_killed_rank_is_named_with_its_point(plan, tmp_path):
    """Rank 1 kills itself in its second point; the launcher then ends rank 0."""
    (tmp_path / "killer.py").write_text(
        "import os, signal\n"
        "from moire.sweep import point\n"
        "genuine, begun = point.compute, []\n"
        "def compute(request, **how):\n"
        "    begun.append(request)\n"
        "    if os.environ['PMI_RANK'] == '1' and len(begun) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return genuine(request, **how)\n"
        "point.compute = compute\n"
        "from moire.__main__ import main\n"
        "main()\n"
    )
    command = [*mpiexec(2), sys.executable, tmp_path / "killer.py", "sweep", plan, "--output", tmp_path / "out"]
    done = run(command, PYTHONPATH=str(ROOT))
    assert done.returncode
    assert done.stderr.count(" died") == 1
    said = r"Rank 1 \(process \d+ on .*\) died in '\w+ at .*'; finished points are kept, and the same command resumes"
    assert re.search(said, done.stderr), done.stderr
    done = run([*mpiexec(2), *MOIRE, "sweep", plan, "--output", tmp_path / "out"])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_terminated_job_says_one_sentence(plan, tmp_path):
    command = [*mpiexec(2), *MOIRE, "sweep", plan, "--output", tmp_path / "out"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("[2/10]"):
            running.terminate()
            break
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 143
    assert errors.count("Terminated; a sweep keeps its finished points, and the same command resumes it.") == 1
    assert " died" not in errors
    done = run(command)
    assert done.returncode == 0, done.stderr


def test_mpi_is_not_touched_without_a_launcher(plan, tmp_path):
    """Where MPI cannot be initialised it ends the process, which no `except` sees."""
    blocker = tmp_path / "site" / "mpi4py"
    blocker.mkdir(parents=True)
    (blocker / "__init__.py").write_text("import os\nos.abort()\n")
    plan.write_text(PLAN.replace("stop = 3.4", "stop = 3.0"))
    aborts = {"PYTHONPATH": str(tmp_path / "site")}
    command = [*MOIRE, "sweep", plan, "--output", tmp_path / "out"]
    assert run([*command, "--dry-run"], **aborts).returncode == 0
    done = run(command, **aborts)
    assert done.returncode == 0, done.stderr
    assert "2 computed" in done.stdout
    assert run([*command, "--no-mpi"], **aborts, PMI_SIZE="1", PMI_RANK="0").returncode == 0
    assert run([*command, "--mpi"], **aborts).returncode == -signal.SIGABRT


def test_without_an_mpi_library_a_launched_sweep_says_so(plan, tmp_path):
    blocker = tmp_path / "site" / "mpi4py"
    blocker.mkdir(parents=True)
    (blocker / "__init__.py").write_text("raise RuntimeError('cannot load MPI library')\n")
    plan.write_text(PLAN.replace("stop = 3.4", "stop = 3.0"))
    absent = {"PYTHONPATH": str(tmp_path / "site")}
    one = run([*MOIRE, "sweep", plan, "--output", tmp_path / "out"], **absent, OMPI_COMM_WORLD_SIZE="1")
    assert one.returncode == 0, one.stderr
    assert (one.stdout + one.stderr).count("No MPI library was found") == 1
    assert "2 computed" in one.stdout
    launched = run([*MOIRE, "sweep", plan, "--output", tmp_path / "b"], **absent, OMPI_COMM_WORLD_SIZE="2")
    assert launched.returncode == 2
    assert "install the extra 'mpi'" in launched.stderr
    asked = run([*MOIRE, "sweep", plan, "--output", tmp_path / "b", "--mpi"], **absent)
    assert asked.returncode == 2
    assert "install the extra 'mpi'" in asked.stderr
