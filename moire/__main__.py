"""``python -m moire`` is the command ``moire``."""

from moire.cli import main

if __name__ == "__main__":
    main()
