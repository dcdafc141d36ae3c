"""Published values beside ours: the rows of the page of validation, and the program behind them.

``python -m tests.reference.validation`` computes every number again and compares; ``--write`` stores them.
"""

import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.reference import validation_many_body, validation_one_body

LITERATURE = Path(__file__).parents[2] / "data" / "literature" / "validation.toml"
STORED = Path(__file__).parents[2] / "data" / "reference" / "validation.json"
QUICK = validation_one_body.quick, validation_many_body.quick
SLOW = validation_one_body.slow, validation_many_body.slow


@dataclass(frozen=True)
class Row:
    """One comparison: `published` and `ours` are numbers or lists of them, or names (phases, momenta)."""

    topic: str
    quantity: str
    setting: str
    source: str
    published: object
    ours: object
    tolerance: float
    unit: str
    command: str
    why: str

    @property
    def difference(self):
        """Largest distance of the numbers; 0 or 1 for names."""
        if isinstance(self.published, str) or any(isinstance(value, str) for value in np.ravel(self.published)):
            return float(self.published != self.ours)
        return float(np.abs(np.subtract(self.published, self.ours)).max())

    @property
    def agrees(self):
        """Whether the difference is within the tolerance."""
        return self.difference <= self.tolerance * (1 + 1e-9)


def topics():
    """Tables of rows, each with a name, what it is about, and what its rows have in common."""
    return tomllib.loads(LITERATURE.read_text(encoding="utf-8"))["topic"]


def rows():
    """All comparisons, with the stored numbers."""
    stored = json.loads(STORED.read_text())
    for topic in topics():
        common = {key: value for key, value in topic.items() if key not in ("name", "rows", "about")}
        for row in topic["rows"]:
            entries = {"unit": "", "why": "", "setting": ""} | common | row
            ours = entries["ours"]
            entries["ours"] = stored[ours] if isinstance(ours, str) and ours in stored else ours
            yield Row(topic=topic["name"], **entries)


def text(value):
    """A number with its digits, or several."""
    if isinstance(value, str):
        return value
    return ", ".join(f"{each:.9g}" for each in np.ravel(value))


def numbers(sources=(*QUICK, *SLOW)):
    """Values of ours by name."""
    return {name: value for source in sources for name, value in source()}


def main():
    """Print every number beside the stored one."""
    found = numbers()
    stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
    for name, value in found.items():
        print(f"{name:45} {value}  stored {stored.get(name)}")
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
