"""The style sheet of all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import style

STYLE = Path(__file__).with_name("moire.mplstyle")
"""Style sheet, for ``matplotlib.style.use(STYLE)`` in a notebook."""


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save figures in the style of :data:`STYLE`; a context, or ``@styled()`` before a function."""
    with style.context(STYLE):
        yield
