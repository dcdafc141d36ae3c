"""The end of a command on several ranks, and one point on them."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from moire.errors import MoireError, is_interrupt
from moire.interrupts import exit_code, farewell, was_stopped
from moire.ranks import finish
from moire.sweep.watch import Watcher


def end_all(communicator: Any, error: BaseException, watcher: Watcher | None = None) -> None:
    """End every rank, after a sentence about an interrupt, and after the traceback of another error."""
    code = 141 if isinstance(error, BrokenPipeError) else 1
    if is_interrupt(error) or was_stopped():
        code = exit_code()
        if communicator.rank:  # rank 0 tells of it: a launcher passes its signal to all ranks
            time.sleep(1)
        else:
            click.echo(farewell(), err=True)
    elif not isinstance(error, SystemExit | BrokenPipeError):
        traceback.print_exc()
    if watcher is not None:
        watcher.all_leave()
    communicator.Abort(code)


@contextmanager
def together(communicator: Any | None) -> Iterator[None]:
    """Let an error of one rank end all of them; a MoireError, which all raise alike, is printed by rank 0."""
    try:
        yield
    except MoireError:
        if communicator is not None and communicator.rank:
            sys.exit(2)
        raise
    except BaseException as error:
        if communicator is not None:
            end_all(communicator, error)
        raise


@contextmanager
def leader_alone(communicator: Any | None) -> Iterator[bool]:
    """Whether this rank works while the others wait for it without taking its cores."""
    try:
        yield communicator is None or communicator.rank == 0
    finally:
        if communicator is not None:
            finish(communicator.Ibarrier())
