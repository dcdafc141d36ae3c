"""Harmonics as data: the rows of a table from which H(k) and dH/dk of a two-layer model are assembled."""

from __future__ import annotations

import cmath
from collections.abc import Iterable
from dataclasses import dataclass, replace

from moire._shown import Shown
from moire._types import checked
from moire.errors import is_whole, require

BOTTOM, TOP = 0, 1
"""The layers b and t."""
_HERMITIAN = 1e-9  # relative: agreement required of two conjugate rows of a table


@checked
@dataclass(frozen=True)
class Harmonic(Shown):
    """One row: <to, G + d| H_K(k) |source, G> = A p_+^m p_-^n for every G, with p_+- = p_x +- i p_y.

    p is the mean of the momenta of the two waves, each measured from the corner of its own layer (kappa_+ for b,
    kappa_- for t): p = [(k + G + d - kappa_to) + (k + G - kappa_source)] / 2. A product of A exp(i d.r) and
    momenta is thus ordered symmetrically (Weyl), and its conjugate row is again of this form.

    Parameters
    ----------
    transfer
        d in units of b_1, b_2.
    to, source
        Layers, 0 for b and 1 for t.
    amplitude_mev
        A in meV nm^(m + n).
    powers
        (m, n); (0, 0) does not depend on k.

    Raises
    ------
    InputError
        If the transfer or the powers are not integers, a layer is unknown, or the amplitude is not finite.
    """

    transfer: tuple[int, int]
    to: int
    source: int
    amplitude_mev: complex
    powers: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        is_pair = len(self.transfer) == 2 and all(map(is_whole, self.transfer))
        require(is_pair, "transfer", "be two integers, in units of b_1 and b_2", self.transfer)
        for name in ("to", "source"):
            require(getattr(self, name) in (BOTTOM, TOP), name, "be the layer 0 (b) or 1 (t)", getattr(self, name))
        amplitude = complex(self.amplitude_mev)
        require(cmath.isfinite(amplitude), "amplitude_mev", "be finite", amplitude)
        is_pair = len(self.powers) == 2 and all(is_whole(power) and power >= 0 for power in self.powers)
        require(is_pair, "powers", "be two integers of at least 0", self.powers)
        object.__setattr__(self, "transfer", (int(self.transfer[0]), int(self.transfer[1])))
        object.__setattr__(self, "powers", (int(self.powers[0]), int(self.powers[1])))
        object.__setattr__(self, "amplitude_mev", amplitude)

    @property
    def is_diagonal(self) -> bool:
        """Whether the row keeps the plane wave and the layer."""
        return self.transfer == (0, 0) and self.to == self.source

    @property
    def is_own_partner(self) -> bool:
        """Whether the conjugate row has the same matrix elements, so that the amplitude must be real."""
        return self.is_diagonal and self.powers[0] == self.powers[1]

    @property
    def conjugate(self) -> Harmonic:
        """The row of the Hermitian conjugate."""
        (a, b), (m, n) = self.transfer, self.powers
        return Harmonic((-a, -b), self.source, self.to, self.amplitude_mev.conjugate(), (n, m))

    @property
    def time_reversed(self) -> Harmonic:
        """The row of H_K'(k) = H_K(-k)^*, whose waves are measured from -kappa_+ and -kappa_-."""
        (a, b), (m, n) = self.transfer, self.powers
        sign = -1 if (m + n) % 2 else 1
        return Harmonic((-a, -b), self.to, self.source, sign * self.amplitude_mev.conjugate(), (n, m))


@checked
@dataclass(frozen=True)
class HarmonicTable(Shown):
    """A Hamiltonian of valley K as a list of harmonics, without displacement field and without cutoff.

    The list is all of H: each row comes with its Hermitian conjugate (:func:`with_conjugates` adds these), so that
    two tables may be joined. Rows of equal transfer, layers and powers are added up.

    Parameters
    ----------
    name
        Name in files and figures.
    rows
        Harmonics, including the kinetic energy (:func:`moire.continuum.kinetic`).

    Raises
    ------
    InputError
        If the rows do not add up to a Hermitian H.
    """

    name: str
    rows: tuple[Harmonic, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", _added_up(self.rows))


@checked
def with_conjugates(rows: Iterable[Harmonic]) -> list[Harmonic]:
    """Rows, each followed by its Hermitian conjugate; rows that are their own conjugates are kept once."""
    return [each for row in rows for each in ((row,) if row.is_own_partner else (row, row.conjugate))]


def _added_up(rows: Iterable[Harmonic]) -> tuple[Harmonic, ...]:
    """Add up equal rows, and drop those of amplitude zero; conjugate rows are made exactly conjugate."""
    total: dict[Harmonic, complex] = {}
    for row in rows:
        key = replace(row, amplitude_mev=0)
        total[key] = total[key] + row.amplitude_mev if key in total else row.amplitude_mev
    result: dict[Harmonic, complex] = {}
    for key, amplitude in total.items():
        partner = key.conjugate
        found, expected = total.get(partner, 0j), amplitude.conjugate()
        require(
            abs(found - expected) <= _HERMITIAN * abs(amplitude),
            "rows",
            f"be Hermitian, with {_number(expected)} meV for {_label(partner)}, the conjugate of {_label(key)} "
            "(`with_conjugates` adds it)",
            found=f"have {_number(found)} meV",
        )
        if key.is_own_partner:
            result[key] = complex(amplitude.real)
        elif partner in result:
            result[key] = result[partner].conjugate()
        else:
            result[key] = amplitude
    return tuple(replace(key, amplitude_mev=amplitude) for key, amplitude in result.items() if amplitude)


def _number(value: complex) -> str:
    return f"{value:g}" if value.imag else f"{value.real:g}"


def _label(row: Harmonic) -> str:
    (a, b), (m, n) = row.transfer, row.powers
    momenta = f", powers ({m}, {n})" if m or n else ""
    return f"<{'bt'[row.to]}, G + ({a}, {b})| H |{'bt'[row.source]}, G{momenta}>"
