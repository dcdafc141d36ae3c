"""The command line: one point, a sweep, a look at what is on disk."""

from __future__ import annotations

import logging
import sys

import click

from moire import __version__
from moire.cli.clusters import clusters, export
from moire.cli.many_body import ed, fci, hf
from moire.cli.one_body import bands, chern, topology
from moire.cli.results import plot, show
from moire.cli.sweep import sweep
from moire.errors import MoireError, is_interrupt


def main() -> None:
    """Run the command line; a MoireError becomes one sentence and exit code 2, an interrupt exit code 130.

    Every other error keeps its traceback and exit code 1: a job script that resubmits what was interrupted
    would repeat it for ever.
    """
    try:
        cli.main(standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if is_interrupt(error):
            click.echo("Interrupted; a sweep keeps its finished points, and the same command resumes it.", err=True)
            sys.exit(130)
        if isinstance(error, MoireError | click.ClickException):
            click.echo(
                f"Error: {error.format_message() if isinstance(error, click.ClickException) else error}", err=True
            )
            sys.exit(2)
        if isinstance(error, click.Abort) and error.__cause__ is not None:  # click makes it of an EOFError
            raise error.__cause__ from None
        raise


class _FirstTime(logging.Filter):
    """Let each message pass once: a task of many spectra states the memory of each kind of sector once."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the message is new."""
        message = record.getMessage()
        new = message not in self._seen
        self._seen.add(message)
        return new


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="moire")
@click.option("-v", "--verbose", is_flag=True, help="State every allocation, not only the large ones.")
def cli(verbose: bool) -> None:
    """Twisted bilayer MoTe2 from the continuum model to fractional Chern insulators."""
    handler = logging.StreamHandler()
    handler.addFilter(_FirstTime())
    logging.basicConfig(format="%(message)s", handlers=[handler])
    logging.getLogger("moire").setLevel(logging.DEBUG if verbose else logging.WARNING)


for command in (bands, chern, topology, hf, clusters, ed, fci, export, sweep, show, plot):
    cli.add_command(command)
