"""Fillings: parsing of the number of carriers per moire cell, for Hartree-Fock and exact diagonalization."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import isqrt
from numbers import Rational, Real
from operator import index
from typing import Annotated, cast

from moire._type_rules import Unchecked
from moire._types import checked
from moire.errors import InputError, broken, require

FillingLike = Annotated[Fraction | float | str | Sequence[int], Unchecked()]
"""A filling as it may be given: ``"-2/3"``, ``(2, 3)``, a Fraction, an integer or a decimal, as text or as number."""

_EXACT_DIGITS = 2
_KNOWN_DIGITS = 12  # what follows in a binary number is rounding
_LARGEST_DENOMINATOR = 10_000
_LONGEST_TEXT = 100
_LARGEST_PART = 10**30  # of a numerator or denominator


@checked
def parse_filling(filling: FillingLike) -> Fraction:
    """Return a filling as a fraction; the sign is kept.

    A decimal of three digits or more is the simplest fraction p/q that rounds or truncates to it, if only one with
    2 q^2 <= 10^digits does: 0.333 and 0.333333 are 1/3, 0.6666 and 0.667 are 2/3, 0.125 is 1/8. Every other
    decimal is taken literally: 0.3 is 3/10 and 0.33 is 33/100.

    Raises
    ------
    InputError
        If it is not a number.
    """
    try:
        value = _read(filling)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError, InvalidOperation):
        given = repr(filling) if isinstance(filling, str) else filling
        rule = "be a number of carriers per cell such as 2, '-2/3' or 0.6667"
        raise InputError(broken("filling", rule, given)) from None
    return value


@checked
def carriers_per_cell(filling: FillingLike, carrier: str) -> Fraction:
    """Return the number of carriers per moire cell at a filling.

    A number without sign counts the carriers of the problem. A minus sign is that of the filling factor nu, which is
    negative for holes: 2/3 and -2/3 both ask for two holes on three cells, and -2/3 is refused for electrons.

    Parameters
    ----------
    filling
        See :func:`parse_filling`.
    carrier
        ``"hole"`` or ``"electron"``.

    Raises
    ------
    InputError
        If it is not a number, or is negative for electrons.
    """
    value = parse_filling(filling)
    require(value >= 0 or carrier == "hole", "filling", "not be negative for electrons: nu < 0 counts holes", value)
    return abs(value)


@checked
def one_band_filling(filling: FillingLike, carrier: str = "hole", n_bands: int = 1) -> Fraction:
    """Return the carriers per cell of a filling that the bands kept can hold.

    Parameters
    ----------
    filling, carrier
        As in :func:`carriers_per_cell`.
    n_bands
        Bands of all flavours, each of which holds one carrier per cell.

    Raises
    ------
    InputError
        If it is not a number, is negative for electrons, or lies outside (0, n_bands].
    """
    value = carriers_per_cell(filling, carrier)
    kept = "one band of one valley" if n_bands == 1 else f"the {n_bands} bands kept of all valleys"
    rule = f"ask for more than 0 and at most {n_bands} {'carrier' if n_bands == 1 else 'carriers'} per cell, {kept}"
    require(0 < value <= n_bands, "filling", rule, value)
    return value


@checked
def describe_filling(per_cell: Fraction, carrier: str) -> str:
    """Return a number of carriers per cell in words, such as ``"2/3 holes per cell (nu = -2/3)"``."""
    return f"{per_cell} {carrier}s per cell" + (f" (nu = {-per_cell})" if carrier == "hole" else "")


def _read(filling: FillingLike) -> Fraction:
    value = _converted(filling)
    if max(abs(value.numerator), value.denominator) > _LARGEST_PART:
        raise ValueError
    return value


def _converted(filling: FillingLike) -> Fraction:
    if isinstance(filling, bool):
        raise TypeError
    if isinstance(filling, str) and len(filling) > _LONGEST_TEXT:
        raise ValueError
    if isinstance(filling, str) and "/" in filling:
        return Fraction(filling)
    if isinstance(filling, str):
        return _from_decimal(Decimal(filling))
    if isinstance(filling, Rational):
        return Fraction(int(filling.numerator), int(filling.denominator))
    if isinstance(filling, Real | Decimal):
        return _from_decimal(Decimal(str(filling)))  # the shortest text, which single precision has too
    numerator, denominator = cast("Sequence[int]", filling)
    return Fraction(index(numerator), index(denominator))


def _from_decimal(value: Decimal) -> Fraction:
    """Return the simplest fraction that rounds or truncates to a decimal, or the decimal itself."""
    if value and not -30 < value.adjusted() < 30:  # a power of ten that would fill the memory
        raise ValueError
    exact = Fraction(value)
    digits = -int(value.as_tuple().exponent)
    if digits <= _EXACT_DIGITS or not exact:
        return exact
    digits = min(digits, _KNOWN_DIGITS)
    scale = 10**digits
    units = round(abs(exact) * scale)  # abs(exact) = units / scale, rounded to half a unit or truncated to one
    for q in range(1, min(isqrt(scale // 2), _LARGEST_DENOMINATOR) + 1):
        p = -((1 - 2 * units) * q // (2 * scale))
        if p * scale < (units + 1) * q:
            return Fraction(p if exact > 0 else -p, q)
    return exact
