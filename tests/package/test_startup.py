"""What a start imports: counted, because a time is not."""

import subprocess
import sys

import pytest

import moire
import moire.io

HEAVY = {"numba", "scipy", "matplotlib", "h5py", "numpy", "pydantic"}


def imported(code):
    """Top-level packages that a fresh interpreter has imported after some code."""
    script = f"{code}\nimport sys\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def run(*arguments):
    return f"""
import sys
sys.argv = ["moire", *{list(arguments)!r}]
from moire.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def test_the_help_imports_nothing_heavy():
    found = imported(run("--help"))
    assert "click" in found
    assert not found & HEAVY


def test_showing_a_file_imports_no_physics(tmp_path):
    path = tmp_path / "a.h5"
    moire.io.write_record(path, moire.io.Record("bands", {"x": moire.io.Dataset(1.0, "meV", (), "a number")}))
    found = imported(run("show", str(path)))
    assert "h5py" in found
    assert not found & {"numba", "scipy", "matplotlib", "pydantic"}


def test_every_public_name_is_there():
    for name in moire.__all__:
        assert getattr(moire, name) is not None
    for name in moire.io.__all__:
        assert getattr(moire.io, name) is not None
    with pytest.raises(AttributeError, match=r"module 'moire' has no attribute 'absent'"):
        moire.absent  # noqa: B018


def test_every_command_is_listed_with_its_own_help():
    from moire.cli import _COMMANDS, cli

    for name, (_, line) in _COMMANDS.items():
        command = cli.get_command(None, name)
        assert command.name == name
        assert line.split()[0] == command.help.split()[0]
