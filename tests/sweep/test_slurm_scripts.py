"""The scripts for SLURM, with stand-ins for `moire`, `srun` and `scontrol`."""

import os
import subprocess
from pathlib import Path

import click
import pytest

from moire.cli import cli

SCRIPTS = Path(__file__).parents[2] / "scripts" / "slurm"
JOB = {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "16", "SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}


@pytest.fixture
def job(tmp_path):
    """Return a function that starts a script, with the stand-in of `moire` that is given."""

    def start(name, moire):
        programs = {"moire": moire, "srun": 'shift; exec "$@"', "scontrol": 'echo "scontrol $@"'}
        for program, text in programs.items():
            (tmp_path / program).write_text(f"#!/bin/bash\n{text}\n")
            (tmp_path / program).chmod(0o755)
        environment = {**os.environ, **JOB, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        command = ["bash", SCRIPTS / name, "plan.toml", "folder with spaces"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    return start


@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.iterdir()))
def test_a_script_runs_the_command_as_it_is(job, name):
    lines, _ = job(name, 'printf "%s\\n" "$OMP_NUM_THREADS" "$@"').communicate(timeout=60)
    threads, command, *arguments = lines.splitlines()
    assert command == "sweep"
    with cli.commands["sweep"].make_context("sweep", arguments, parent=click.Context(cli)) as context:
        assert context.params["output"] == Path("folder with spaces")
        assert context.params["shard"] == ("3/8" if name == "array.sh" else "1/1")
        assert int(threads) * max(1, context.params["workers"]) == 16
        assert context.params["mpi"] is (None if name == "mpi.sh" else False)


@pytest.mark.parametrize("code", [0, 1, 2, 143])
def test_only_a_terminated_sweep_is_queued_again(job, code):
    lines, _ = job("requeue.sh", f"exit {code}").communicate(timeout=60)
    assert lines == ("scontrol requeue 7\n" if code == 143 else "")


def test_the_signal_to_a_job_reaches_the_sweep(job):
    moire = 'trap "echo told; exit 143" TERM\necho ready\nwhile true; do sleep 0.01; done'
    running = job("requeue.sh", moire)
    assert running.stdout.readline() == "ready\n"
    running.terminate()
    lines, _ = running.communicate(timeout=60)
    assert lines == "told\nscontrol requeue 7\n"
    assert running.returncode == 143
