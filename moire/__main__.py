"""The command ``moire``, and ``python -m moire``: an interrupt is quiet from the first import on."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from moire.cli import main as run
    except KeyboardInterrupt:  # with an exit code alone: nothing was begun
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
