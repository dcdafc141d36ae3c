"""Provenance of a result: versions, git state, threads."""

from __future__ import annotations

import platform
import subprocess
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moire._types import checked
from moire.resources import available_cores, threads

PACKAGES = ("moire-mote2", "numpy", "scipy", "numba", "h5py")


@cache
def git_state() -> str:
    """Commit of the source tree, with ``-dirty`` when it was changed; ``"none"`` outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "none"
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return finished.stdout.strip() or "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return "not installed"


@checked
def provenance(wall_seconds: float) -> dict[str, Any]:
    """Attributes of every file in addition to its request.

    Parameters
    ----------
    wall_seconds
        Duration of the computation in seconds.
    """
    return {
        "versions": {package: _version(package) for package in PACKAGES},
        "python": platform.python_version(),
        "git": git_state(),
        "threads": threads(),
        "cores": available_cores(),
        "wall_seconds": round(wall_seconds, 3),
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
