"""Numbers and texts in sentences and tables.

Only zero prints as zero, unknown and infinite values are named, and a text from a file cannot command the terminal.
"""

from __future__ import annotations

import math
import re

_FIXED = re.compile(r"(?P<sign>\+?)z?(?P<width>\d*)\.(?P<digits>\d+)f")


class Number(float):
    """A number printed with a fixed number of decimals where these suffice: ``f"{Number(gap):9.4f} meV"``.

    Below one unit of the last decimal two significant digits and a power of ten are written instead, 4.8e-05; zero has
    no minus sign; NaN is ``unknown``, and infinities are ``infinite`` or ``-infinite``.
    """

    def __format__(self, spec: str) -> str:
        parts = _FIXED.fullmatch(spec)
        if parts is None:
            return super().__format__(spec)
        sign, digits = parts["sign"], int(parts["digits"])
        if math.isnan(self):
            text = "unknown"
        elif math.isinf(self):
            text = "infinite" if self > 0 else "-infinite"
        elif 0 < abs(self) < 10.0**-digits:
            text = super().__format__(f"{sign}.1e")
        else:
            text = super().__format__(f"{sign}z.{digits}f")
        return text.rjust(int(parts["width"] or 0))


def amount(value: float, unit: str, digits: int = 4) -> str:
    """Return a number with its unit, and without it if it is not finite: ``"0.2000 meV"``, ``"unknown"``."""
    text = f"{Number(value):.{digits}f}"
    return f"{text} {unit}" if math.isfinite(value) else text


def printable(text: object, kept: str = "") -> str:
    r"""Return a text in which control characters, direction marks and broken characters are escaped: ``\x1b[2J``.

    Parameters
    ----------
    text
        What a file holds.
    kept
        Characters that stay as they are, such as ``"\n"`` of a text of several lines.
    """
    return "".join(
        letter if letter.isprintable() or letter in kept else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )
