"""Symmetries of a table of harmonics: C3, C2y T and hermiticity, and the components that they leave free.

C3 maps a wave p of layer l to R p + (kappa_l - R kappa_l), and C2y T, antiunitary, the wave p of a layer to (p_x, -p_y)
of the other; both without a phase, as the two-layer model has them (arXiv:1807.03311, Sec. II). A displacement field
breaks C2y T, and is no part of a table.
"""

from __future__ import annotations

import cmath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from moire._shown import Shown
from moire._types import checked
from moire.continuum.harmonics import Harmonic, HarmonicTable
from moire.errors import require
from moire.lattice import C3_ROTATION

_CORNERS_TIMES_THREE = np.array([[2, -1], [1, 1]])  # kappa_+ of layer b, kappa_- of layer t
_MIRROR = np.array([[1, 0], [1, -1]])  # (k_x, -k_y): b_1 -> b_1, b_2 -> b_1 - b_2
_NEGLIGIBLE = 1e-9


@checked
def rotated(row: Harmonic) -> Harmonic:
    """Return the image of a row under C3."""
    corner = _CORNERS_TIMES_THREE[row.to] - _CORNERS_TIMES_THREE[row.source]
    shift = (corner - corner @ C3_ROTATION) // 3
    transfer = np.array(row.transfer) @ C3_ROTATION + shift
    m, n = row.powers
    turn = cmath.exp(-2j * cmath.pi / 3 * (m - n))
    return replace(row, transfer=(int(transfer[0]), int(transfer[1])), amplitude_mev=turn * row.amplitude_mev)


@checked
def mirrored(row: Harmonic) -> Harmonic:
    """Return the image of a row under C2y T, which exchanges the layers."""
    a, b = (np.array(row.transfer) @ _MIRROR).tolist()
    return Harmonic((a, b), 1 - row.to, 1 - row.source, row.amplitude_mev.conjugate(), row.powers)


def _images(row: Harmonic) -> list[Harmonic]:
    """Return the twelve images of a row: three rotations, C2y T, and the Hermitian conjugates."""
    rotations = [row, rotated(row), rotated(rotated(row))]
    both = [*rotations, *map(mirrored, rotations)]
    return [*both, *(image.conjugate for image in both)]


@checked
def symmetrised(rows: Iterable[Harmonic]) -> tuple[Harmonic, ...]:
    """Return the mean of rows over the symmetries: the nearest rows that have them all.

    A row that is given alone is thus taken for one of its star: give rows by :func:`star` to mean all of them.
    """
    total: defaultdict[Harmonic, complex] = defaultdict(complex)
    size = 0.0
    for row in rows:
        size = max(size, abs(row.amplitude_mev))
        for image in _images(row):
            total[_key(image)] += image.amplitude_mev / 12
    kept = {key: amplitude for key, amplitude in total.items() if abs(amplitude) > _NEGLIGIBLE * size}
    return HarmonicTable("", tuple(replace(key, amplitude_mev=value) for key, value in kept.items())).rows


@checked
def star(row: Harmonic) -> tuple[Harmonic, ...]:
    """Return all rows that the symmetries make of one, each with the amplitude that follows from that of `row`.

    Raises
    ------
    InputError
        If the amplitude is one that the symmetries forbid.
    """
    own = _key(row)
    mean = symmetrised([row])
    share = sum(_key(image) == own for image in _images(row)) / 12
    rows = tuple(replace(each, amplitude_mev=each.amplitude_mev / share) for each in mean)
    found = next((each.amplitude_mev for each in rows if _key(each) == own), 0j)
    allowed = abs(found - row.amplitude_mev) <= _NEGLIGIBLE * abs(row.amplitude_mev)
    require(allowed, "amplitude_mev", f"be {_text(found)}, the part that C3 and C2y T allow", row.amplitude_mev)
    return rows


@checked
def asymmetry(table: HarmonicTable) -> float:
    """Largest change in meV nm^(m + n) of an amplitude when the table is symmetrised."""
    after = {_key(row): row.amplitude_mev for row in symmetrised(table.rows)}
    before = {_key(row): row.amplitude_mev for row in table.rows}
    return max((abs(after.get(key, 0j) - before.get(key, 0j)) for key in after.keys() | before.keys()), default=0.0)


@checked
@dataclass(frozen=True)
class Component(Shown):
    """A real parameter of a symmetric Hamiltonian: the rows that it multiplies.

    Parameters
    ----------
    name
        Name of the parameter.
    rows
        Harmonics per unit of it.
    """

    name: str
    rows: tuple[Harmonic, ...]


@checked
def symmetric_components(row: Harmonic, name: str) -> tuple[Component, ...]:
    """Return the real parameters of the star of a row that C3, C2y T and hermiticity leave free: at most two.

    They are the real and the imaginary part of its amplitude, where both are allowed; `name` becomes ``Re name`` and
    ``Im name`` then.
    """
    found: list[tuple[str, tuple[Harmonic, ...]]] = []
    for part, unit in (("Re", 1.0 + 0j), ("Im", 1j)):
        mean = symmetrised([replace(row, amplitude_mev=unit)])
        own = next((each.amplitude_mev for each in mean if _key(each) == _key(row)), 0j)
        if abs(own) > _NEGLIGIBLE and all(not _parallel(rows, mean) for _, rows in found):
            found.append((part, tuple(replace(each, amplitude_mev=each.amplitude_mev / abs(own)) for each in mean)))
    return tuple(Component(f"{part} {name}" if len(found) > 1 else name, rows) for part, rows in found)


@checked
def with_amplitudes(components: Sequence[Component], values: Sequence[float], name: str) -> HarmonicTable:
    """Return the table of components times their values."""
    rows = [
        replace(row, amplitude_mev=value * row.amplitude_mev)
        for component, value in zip(components, values, strict=True)
        for row in component.rows
    ]
    return HarmonicTable(name, tuple(rows))


def _key(row: Harmonic) -> Harmonic:
    return replace(row, amplitude_mev=0)


def _parallel(first: Sequence[Harmonic], second: Sequence[Harmonic]) -> bool:
    """Whether the amplitudes of two stars are real multiples of each other."""
    a = {_key(row): row.amplitude_mev for row in first}
    b = {_key(row): row.amplitude_mev for row in second}
    x = np.array([a.get(key, 0j) for key in a.keys() | b.keys()])
    y = np.array([b.get(key, 0j) for key in a.keys() | b.keys()])
    return bool(abs(np.vdot(x, y).real) > (1 - _NEGLIGIBLE) * np.linalg.norm(x) * np.linalg.norm(y))


def _text(value: complex) -> str:
    return f"{value:g}" if value.imag else f"{value.real:g}"
