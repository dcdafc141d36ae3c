"""The command line: single points, sweeps, and display of results."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from moire import __version__
from moire._text import printable
from moire.errors import MoireError, is_interrupt, on_one_line
from moire.interrupts import exit_code, farewell, stopping_signals, was_stopped

_BREAK = "\n"


def main() -> None:
    """Run the command line; a MoireError becomes one sentence and exit code 2, an interrupt exit code 130 or 143.

    Every other error keeps its traceback and exit code 1, so that a job script which resubmits interrupted runs
    does not resubmit a failing one forever.
    """
    with stopping_signals():
        try:
            cli.main(standalone_mode=False)
        except (Exception, KeyboardInterrupt) as error:
            if is_interrupt(error) or was_stopped():
                click.echo(farewell(), err=True)
                sys.exit(exit_code())
            if isinstance(error, MoireError | click.ClickException):
                text = error.format_message() if isinstance(error, click.ClickException) else on_one_line(str(error))
                click.echo(f"Error: {printable(text, kept=_BREAK)}", err=True)
                sys.exit(2)
            if isinstance(error, click.Abort) and error.__cause__ is not None:  # click makes it of an EOFError
                raise error.__cause__ from None
            raise


class _FirstTime(logging.Filter):
    """Log each message once: a task of many spectra reports the memory of each kind of sector once."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message is new."""
        message = record.getMessage()
        new = message not in self._seen
        self._seen.add(message)
        return new


_COMMANDS = {
    "bands": ("tasks", "Bands along the path and on a mesh: widths and gaps."),
    "chern": ("tasks", "Chern numbers by links, with the curvature as second route."),
    "topology": ("tasks", "Chern numbers by four routes, geometry, Wilson loops, Z2, C3, interband indices."),
    "hf": ("tasks", "Hartree-Fock ground state of both valleys, and the competing states."),
    "clusters": ("clusters", "Clusters commensurate with a filling, the roundest first."),
    "ed": ("tasks", "Many-body spectrum of bands of one valley or of both, all sectors."),
    "fci": ("tasks", "Every diagnostic of a fractional Chern insulator."),
    "fit": ("fit", "Fit parameters of the continuum model to band energies in a text file."),
    "export": ("clusters", "Hamiltonian of the bands kept in the format of another code."),
    "sweep": ("sweep", "Run a PLAN (TOML), alone or under mpiexec -n N."),
    "collect": ("collect", "Write the results in a FOLDER as a table: CSV, Parquet, HDF5."),
    "status": ("status", "Points of a results folder or PLAN: done, failed, running where, time left."),
    "doctor": ("doctor", "What this machine and launcher give, and a self-test of five seconds."),
    "show": ("results", "Print the contents of a FILE or a results folder."),
    "plot": ("results", "Draw a FILE or a results folder."),
    "report": ("report", "Write one HTML page of a results FOLDER, to click through."),
    "cite": ("cite", "BibTeX of the package and of parameter sets."),
}
"""Module of each command, imported when it runs, and its line in the help."""


class _Imported(dict[str, click.Command]):
    """Commands by name, imported at first use: the help alone needs none of them."""

    def __missing__(self, name: str) -> click.Command:
        if name not in _COMMANDS:
            raise KeyError(name)
        self[name] = getattr(import_module(f"moire.cli.{_COMMANDS[name][0]}"), name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)


class _Commands(click.Group):
    """The group of commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; where nobody reads its output any more, end quietly with 141, as a signal would."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            with Path(os.devnull).open("wb") as nowhere, contextlib.suppress(OSError):
                os.dup2(nowhere.fileno(), sys.stdout.fileno())  # for what is flushed at the end
            sys.exit(141)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of this name."""
        return self.commands[cmd_name] if cmd_name in _COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(
    cls=_Commands, commands=_Imported(), context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(__version__, prog_name="moire")
@click.option("-v", "--verbose", is_flag=True, help="Report every allocation, not only the large ones.")
def cli(verbose: bool) -> None:
    """Twisted bilayer MoTe2 from the continuum model to fractional Chern insulators."""
    handler = logging.StreamHandler()
    handler.addFilter(_FirstTime())
    logging.basicConfig(format="%(message)s", handlers=[handler])
    logging.getLogger("moire").setLevel(logging.DEBUG if verbose else logging.WARNING)
