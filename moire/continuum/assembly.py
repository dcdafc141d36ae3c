"""Matrix elements of a table of harmonics between plane waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.continuum.basis import PlaneWaveBasis
from moire.continuum.harmonics import Harmonic

Powers = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Elements:
    """Matrix elements with one pair of powers: H[rows, columns] = amplitudes p_+^m p_-^n.

    Parameters
    ----------
    powers
        (m, n).
    rows, columns
        Indices, (element,); each pair occurs once.
    amplitudes
        meV nm^(m + n), (element,).
    """

    powers: Powers
    rows: IntArray
    columns: IntArray
    amplitudes: ComplexArray

    def values(self, ends: FloatArray, starts: FloatArray) -> ComplexArray:
        """Elements in meV, (..., element), for momenta of all rows (..., row, 2) and all columns (..., column, 2)."""
        return np.asarray(self.amplitudes * monomial(self._means(ends, starts), self.powers))

    def slopes(self, momenta: FloatArray) -> ComplexArray:
        """Derivatives with respect to k_x and k_y in meV nm, (2, element), for momenta (wave, 2)."""
        p, (m, n) = self._means(momenta, momenta), self.powers
        raising = m * monomial(p, (m - 1, n)) if m else np.zeros(len(p), dtype=complex)
        lowering = n * monomial(p, (m, n - 1)) if n else np.zeros(len(p), dtype=complex)
        return np.asarray(self.amplitudes * np.stack([raising + lowering, 1j * (raising - lowering)]))

    def _means(self, ends: FloatArray, starts: FloatArray) -> FloatArray:
        return np.asarray((ends[..., self.rows, :] + starts[..., self.columns, :]) / 2)


def monomial(momenta: FloatArray, powers: Powers) -> ComplexArray:
    """p_+^m p_-^n of momenta (..., 2), as |p|^(2 min(m, n)) times powers of one of them, (...)."""
    m, n = powers
    both = min(m, n)
    value = (np.sum(momenta**2, axis=-1) ** both).astype(np.complex128)
    if m != n:
        value = value * (momenta[..., 0] + (1j if m > n else -1j) * momenta[..., 1]) ** abs(m - n)
    return np.asarray(value)


def kept_elements(harmonics: Sequence[Harmonic], basis: PlaneWaveBasis) -> tuple[Elements, ...]:
    """Elements between the waves of the basis, by powers; waves are numbered (layer, G)."""
    parts: dict[Powers, list[tuple[IntArray, IntArray, ComplexArray]]] = {}
    for row in harmonics:
        target = basis.shift(np.array(row.transfer))
        inside = np.nonzero(target >= 0)[0]
        ends, starts = row.to * basis.size + target[inside], row.source * basis.size + inside
        parts.setdefault(row.powers, []).append((ends, starts, np.full(len(inside), row.amplitude_mev)))
    return tuple(
        Elements(powers, *(np.concatenate(column) for column in zip(*blocks, strict=True)))
        for powers, blocks in parts.items()
    )


def dropped_elements(
    harmonics: Sequence[Harmonic], basis: PlaneWaveBasis
) -> tuple[IntArray, IntArray, tuple[Elements, ...]]:
    """Waves beyond the cutoff that the harmonics couple to: layer (p,), G (p, 2), and the elements from the basis."""
    waves: dict[tuple[int, int, int], int] = {}
    parts: dict[Powers, list[tuple[int, int, complex]]] = {}
    for row in harmonics:
        for index in np.nonzero(basis.shift(np.array(row.transfer)) < 0)[0]:
            a, b = (int(component) for component in basis.vectors[index] + row.transfer)
            number = waves.setdefault((row.to, a, b), len(waves))
            element = number, row.source * basis.size + int(index), row.amplitude_mev
            parts.setdefault(row.powers, []).append(element)
    elements = []
    for powers, found in parts.items():
        rows, columns, amplitudes = zip(*found, strict=True)
        elements.append(
            Elements(powers, np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64), np.array(amplitudes))
        )
    numbered = np.array(list(waves), dtype=np.int64).reshape(-1, 3)
    return numbered[:, 0], numbered[:, 1:], tuple(elements)
