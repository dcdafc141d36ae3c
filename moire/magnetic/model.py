"""The two-layer model in a perpendicular magnetic field, at rational flux per moire cell."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, sqrt

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.continuum import ContinuumModel, Harmonic
from moire.errors import require
from moire.magnetic.landau_levels import displaced_oscillator, guiding_centre_wave
from moire.resources import reserve, would_fit_times
from moire.units import FLUX_QUANTUM

_CONSTANT, _KINETIC = (0, 0), (1, 1)


@checked
@dataclass(frozen=True, eq=False)
class MagneticModel(Shown):
    """Electrons of one valley at flux p/q per moire cell, in the Landau levels of both layers.

    k becomes k + e A / hbar. In the gauge exp(i kappa_l.r) of each layer the kinetic energy is that of a free particle,
    -hbar^2 pi^2 / 2 m* = -(2 n + 1) hbar^2 / (2 m* l^2), and a harmonic acts on both factors of the position
    r = R + xi as exp(i q.R) exp(i q.xi), q being its transfer measured from the corners. The guiding-centre factor
    has dimension p; the basis is (layer, n, j). Valley K' at a flux is valley K at the opposite one, with energies at
    opposite momenta, because H_K' = T H_K T^-1.

    Parameters
    ----------
    zero_field
        The model without field; its plane waves are not used.
    flux
        Flux quanta h/e per moire cell; a negative one for a field along -z.
    n_levels
        Landau levels kept in each layer.

    Raises
    ------
    InputError
        If the flux is zero or no fraction of moderate size, fewer than one level is kept, or the model has further
        powers of the momentum.
    MemoryRefusedError
        If a matrix does not fit in memory.
    """

    zero_field: ContinuumModel
    flux: Fraction
    n_levels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "flux", Fraction(self.flux))
        require(self.flux != 0, "flux", "be other than zero", self.flux)
        require(self.n_levels >= 1, "n_levels", "be at least 1", self.n_levels)
        supported = all(
            row.powers == _CONSTANT or (row.is_diagonal and row.powers == _KINETIC) for row in self.zero_field.harmonics
        )
        rule = "have no powers of the momentum except the kinetic energy"
        require(supported, "zero_field", rule, found=f"{self.zero_field.name} has some")
        size = 16.0 * self.dimension**2
        fit = f"{int(self.n_levels * sqrt(would_fit_times(4 * size)))} levels would fit"
        reserve(f"The matrix of dimension {self.dimension} at flux {self.flux}", 4 * size, fit)

    @classmethod
    def at_flux(cls, zero_field: ContinuumModel, flux: Fraction | str, level_shells: float = 3.0) -> MagneticModel:
        """Model with the Landau levels whose orbits lie within a radius of momentum, in units of |G_1|.

        n levels reach pi^2 = 2 n / l^2, so that their number is inverse to the flux at equal accuracy.
        """
        require(level_shells > 0, "level_shells", "be positive", level_shells)
        lattice, flux = zero_field.lattice, Fraction(flux)
        require(flux != 0, "flux", "be other than zero", flux)
        radius = level_shells * lattice.reciprocal_length
        n_levels = ceil(radius**2 * lattice.cell_area_nm2 / (4 * np.pi * abs(float(flux))))
        return cls(zero_field, flux, n_levels)

    @property
    def numerator(self) -> int:
        """States p of each layer and level per magnetic momentum."""
        return abs(self.flux.numerator)

    @property
    def dimension(self) -> int:
        """Dimension of H: two layers, the levels, and p."""
        return 2 * self.n_levels * self.numerator

    @property
    def states_per_cell(self) -> float:
        """Particles per moire cell in one magnetic subband: 1/q."""
        return 1 / self.flux.denominator

    @property
    def tesla(self) -> float:
        """Magnetic field B in T."""
        return float(float(self.flux) * FLUX_QUANTUM / self.zero_field.lattice.cell_area_nm2)

    @property
    def magnetic_length(self) -> float:
        """L in nm: the area 2 pi l^2 holds one flux quantum."""
        return sqrt(self.zero_field.lattice.cell_area_nm2 / (2 * np.pi * abs(float(self.flux))))

    @property
    def sign(self) -> int:
        """Sign of the flux as valley K sees it."""
        return (1 if self.flux > 0 else -1) * self.zero_field.valley

    @cached_property
    def _rows(self) -> tuple[Harmonic, ...]:
        """Harmonics of valley K."""
        rows = self.zero_field.harmonics
        return rows if self.zero_field.valley > 0 else tuple(row.time_reversed for row in rows)

    @cached_property
    def _level_energies(self) -> FloatArray:
        """Diagonal of the kinetic energy and of constant potentials in meV, (layer, n)."""
        levels = (2 * np.arange(self.n_levels) + 1) / self.magnetic_length**2
        energies = np.zeros((2, self.n_levels))
        for row in self._rows:
            if row.is_diagonal:
                energies[row.to] += row.amplitude_mev.real * (levels if row.powers == _KINETIC else 1.0)
        return read_only(energies)

    @cached_property
    def _waves(self) -> tuple[tuple[Harmonic, ComplexArray], ...]:
        """Each harmonic that is not diagonal, with its matrix between Landau levels and all constant phases."""
        lattice, length, sign = self.zero_field.lattice, self.magnetic_length, self.sign
        corners = np.stack([lattice.corners["kappa_+"], lattice.corners["kappa_-"]])
        offset = corners[1] - corners[0]
        found = []
        for row in self._rows:
            if row.is_diagonal:
                continue
            transfer = row.transfer @ lattice.reciprocal
            wave = transfer - corners[row.to] + corners[row.source]
            levels = displaced_oscillator(length * complex(wave[0], -sign * wave[1]) / sqrt(2), self.n_levels)
            # layer t is displaced by exp(-i offset.R), so that all guiding-centre waves have reciprocal vectors
            area = sign * length**2 * (transfer[0] * offset[1] - transfer[1] * offset[0])
            share = (row.to + row.source) / 2
            found.append((row, row.amplitude_mev * np.exp(1j * area * share) * levels))
        return tuple(found)

    def hamiltonian(self, angles: FloatArray) -> ComplexArray:
        """H in meV at two angles in radians, which label the magnetic momentum, (dimension, dimension).

        The energies have the period 2 pi/p in each angle.
        """
        p, n = self.numerator, self.n_levels
        matrix = np.zeros((2, n, p, 2, n, p), dtype=complex)
        for layer in range(2):
            for level in range(n):
                matrix[layer, level, :, layer, level, :] += self._level_energies[layer, level] * np.eye(p)
        for row, levels in self._waves:
            centre = guiding_centre_wave(
                row.transfer, p, self.flux.denominator, self.sign, (float(angles[0]), float(angles[1]))
            )
            matrix[row.to, :, :, row.source] += np.einsum("nm,ij->nimj", levels, centre)
        return matrix.reshape(self.dimension, self.dimension)
