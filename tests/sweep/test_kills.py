"""Kills at every phase of a sweep: nothing is lost, doubled or damaged, and a second run gives the same bits."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.sweep.kill_campaign import PHASES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("n_per_phase", "phases"),
    [(1, ["marker", "claim", "checkpoint"]), pytest.param(30, list(PHASES), marks=pytest.mark.slow)],
)
def test_a_sweep_survives_kills_at_every_phase(tmp_path, n_per_phase, phases):
    done = subprocess.run(
        [sys.executable, "-m", "tests.sweep.kill_campaign", tmp_path / "campaign", str(n_per_phase), *phases],
        cwd=ROOT,
        env={**os.environ, "NUMBA_NUM_THREADS": "1"},  # children of a fork have no threads of numba
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["code"] for row in rows} == {-signal.SIGKILL}  # every kill struck
    assert [row for row in rows if row["wrong"]] == []
    kills = Counter(row["phase"] for row in rows)
    assert set(kills) == set(phases)
    if n_per_phase > 1:
        assert len(rows) >= 100  # the phases of marker and journal have fewer steps than 30
        assert {row["finished"] for row in rows} == {0, 1, 2, 3}
