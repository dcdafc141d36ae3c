"""Polarisation: the numbers of carriers in each of two valleys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from moire._types import checked
from moire.errors import InputError, is_whole, require
from moire.orbitals import Numbers, Orbitals

Polarisation = int | Sequence[int] | Literal["all"] | None
"""N_K - N_K': one value, several, all, or None for one of each two values that time reversal relates."""


@checked
def carriers_of_flavours(orbitals: Orbitals, n_carriers: int, polarisation: Polarisation) -> tuple[Numbers, ...]:
    """Carriers of each flavour at every polarisation requested, the most polarised towards K first.

    Raises
    ------
    InputError
        If a polarisation has the wrong parity or does not fit, or is given for one flavour; or if there are more than
        two flavours.
    """
    if orbitals.n_flavours == 1:
        require(polarisation is None, "polarisation", "be left out for one valley", polarisation)
        return ((n_carriers,),)
    if orbitals.n_flavours > 2:
        raise InputError(f"`problem` must have one or two flavours, but has {orbitals.n_flavours}.")
    room = orbitals.per_flavour
    largest = min(n_carriers, 2 * room - n_carriers)
    if polarisation is None or isinstance(polarisation, str):
        require(polarisation in (None, "all"), "polarisation", "be numbers N_K - N_K' or 'all'", repr(polarisation))
        values = range(largest, -largest - 1, -2)
        return tuple(((n_carriers + value) // 2, (n_carriers - value) // 2) for value in values)
    values_asked = [polarisation] if isinstance(polarisation, int) else list(polarisation)
    require(len(values_asked) > 0, "polarisation", "name at least one value", "empty")
    for value in values_asked:
        fits = is_whole(value) and abs(value) <= largest and (n_carriers + int(value)) % 2 == 0
        parity = "odd" if n_carriers % 2 else "even"
        rule = f"be an {parity} number in -{largest}..{largest} for {n_carriers} carriers"
        require(fits, "polarisation", rule, value)
    return tuple(((n_carriers + int(v)) // 2, (n_carriers - int(v)) // 2) for v in dict.fromkeys(values_asked))
