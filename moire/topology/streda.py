"""Streda lines and Hall resistance: n(B) = nu n_0 + C B / phi_0 and R_xy = E_x / J_y = h / (C e^2).

The Chern number C fixes three signs. n counts electrons (nu < 0: holes missing from filled valence
bands), B points along +z, phi_0 = h/e > 0, and C = phi_0 dn/dB is the Chern number of the filled electron states in
the sign of :func:`moire.topology.chern_number`, A = i<u|d u>. Electrons carry the charge -e, and with
J_i = sigma_ij E_j and E_i = rho_ij J_j

    sigma_xy = -e (dn/dB)_mu = -C e^2/h = -sigma_yx,        R_xy = rho_xy = -1/sigma_xy = h/(C e^2).

C, the slope and R_xy have the same sign, and sigma_xy has the opposite one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import InputError, broken, require
from moire.filling import FillingLike, parse_filling
from moire.units import FLUX_QUANTUM, VON_KLITZING

CM2_PER_NM2 = 1e-14
"""One nm^2 in cm^2."""


@checked
@dataclass(frozen=True)
class StredaLine(Shown):
    """A gapped state that starts at filling `filling` and has the Chern number `chern`.

    Parameters
    ----------
    filling
        nu, electrons per moire cell at zero field, counted from the filled valence bands: negative for holes.
    chern
        C = phi_0 dn/dB, electrons added per flux quantum, integer or fractional: the Chern number of the filled
        electron states. sigma_xy = -C e^2/h, and R_xy = E_x/J_y = h/(C e^2).
    """

    filling: Fraction
    chern: Fraction

    @classmethod
    def of(cls, filling: FillingLike, chern: Fraction | int | str) -> StredaLine:
        """Line of a filling (:func:`moire.filling.parse_filling`) and its C: ``StredaLine.of("-2/3", "-2/3")``."""
        return cls(parse_filling(filling), Fraction(chern))

    def density(self, field_tesla: ArrayLike, cell_area_nm2: float) -> FloatArray:
        """n(B) = nu / A_cell + C B / phi_0 in 1/nm^2, the shape of `field_tesla`.

        Raises
        ------
        InputError
            If the cell area is not positive.

        References
        ----------
        Streda, J. Phys. C 15, L717 (1982).
        """
        require(cell_area_nm2 > 0, "cell_area_nm2", "be positive", cell_area_nm2)
        field = np.asarray(field_tesla, dtype=float)
        return np.asarray(float(self.filling) / cell_area_nm2 + float(self.chern) * field / FLUX_QUANTUM)

    @property
    def hall_conductivity(self) -> Fraction:
        """sigma_xy = J_x/E_y = -C in e^2/h, exact: minus the Chern number, because electrons carry the charge -e."""
        return -self.chern

    @property
    def hall_resistance(self) -> Fraction:
        """R_xy = E_x/J_y = 1/C in h/e^2, exact; see :func:`hall_resistance`."""
        return hall_resistance(self.chern)


@checked
def hall_resistance(chern: Fraction | int | str) -> Fraction:
    """R_xy = E_x/J_y = 1/C in h/e^2 of a state without longitudinal resistance, as an exact fraction.

    Parameters
    ----------
    chern
        C = phi_0 dn/dB of the electrons; R_xy = rho_xy has its sign, sigma_xy = -C e^2/h the opposite one.

    Raises
    ------
    InputError
        If C is no fraction, or zero: there is no quantized plateau.
    """
    try:
        value = Fraction(chern)
    except (ValueError, ZeroDivisionError):
        raise InputError(broken("chern", "be a fraction such as '2/3'", repr(chern))) from None
    require(value != 0, "chern", "be nonzero for a Hall plateau", value)
    return 1 / value


@checked
def hall_resistance_ohm(chern: Fraction | int | str) -> float:
    """R_xy = E_x/J_y = h/(C e^2) in ohm, with C = phi_0 dn/dB of the electrons."""
    return float(hall_resistance(chern) * Fraction(VON_KLITZING))


@checked
@dataclass(frozen=True, eq=False)
class StredaFan(Shown):
    """Streda lines over a range of fields, ready to plot.

    Parameters
    ----------
    lines
        The gapped states.
    field_tesla
        (b,).
    densities
        (line, b), 1/nm^2.
    fillings
        (line, b): densities times the cell area.
    cell_area_nm2
        Area of the moire cell.
    """

    lines: tuple[StredaLine, ...]
    field_tesla: FloatArray
    densities: FloatArray = field(repr=False)
    fillings: FloatArray = field(repr=False)
    cell_area_nm2: float

    def __str__(self) -> str:
        rows = [f"{'nu':>8} {'C':>8} {'sigma_xy (e^2/h)':>17} {'R_xy (h/e^2)':>13} {'dn/dB (1/cm^2 T)':>18}"]
        for line in self.lines:
            resistance = str(line.hall_resistance) if line.chern else "none"
            slope = float(line.chern) / FLUX_QUANTUM / CM2_PER_NM2
            conductivity = str(line.hall_conductivity)
            rows.append(f"{line.filling!s:>8} {line.chern!s:>8} {conductivity:>17} {resistance:>13} {slope:18.4g}")
        rows.append("C = phi_0 dn/dB of the electrons, sigma_xy = J_x/E_y = -C e^2/h, R_xy = E_x/J_y = h/(C e^2)")
        return "\n".join(rows)


@checked
def streda_fan(lines: Sequence[StredaLine], field_tesla: ArrayLike, cell_area_nm2: float) -> StredaFan:
    """Densities of Streda lines over a range of magnetic fields.

    Raises
    ------
    InputError
        If there are no lines, the fields are not a one-dimensional array, or the area is not positive.
    """
    fields = np.asarray(field_tesla, dtype=float)
    require(len(lines) > 0, "lines", "hold at least one StredaLine", found="are empty")
    require(fields.ndim == 1 and np.all(np.isfinite(fields)), "field_tesla", "be a list of finite fields", field_tesla)
    densities = np.stack([line.density(fields, cell_area_nm2) for line in lines])
    return StredaFan(
        tuple(lines), read_only(fields), read_only(densities), read_only(densities * cell_area_nm2), cell_area_nm2
    )


@checked
@dataclass(frozen=True)
class StredaFit(Shown):
    """Straight line fitted to the densities of an incompressible state.

    Parameters
    ----------
    chern, chern_error
        Slope C = phi_0 dn/dB and its standard error; n counts electrons, so that R_xy = E_x/J_y = h/(C e^2).
    filling, filling_error
        nu at zero field and its standard error.
    chi2_per_degree
        Sum of squared residuals over their variance per degree of freedom; one by construction when no
        errors were given.
    n_points
        Number of (B, n) pairs.
    """

    chern: float
    chern_error: float
    filling: float
    filling_error: float
    chi2_per_degree: float
    n_points: int

    def nearest_fraction(self, max_denominator: int = 7) -> Fraction:
        """The fraction of smallest denominator within two standard errors of the slope, or the nearest one."""
        for denominator in range(1, max_denominator + 1):
            candidate = Fraction(round(self.chern * denominator), denominator)
            if abs(float(candidate) - self.chern) <= 2 * self.chern_error:
                return candidate
        return Fraction(self.chern).limit_denominator(max_denominator)

    def agrees_with(self, line: StredaLine, n_errors: float = 2.0) -> bool:
        """Whether slope and filling lie within `n_errors` standard errors of a line."""
        return (
            abs(self.chern - float(line.chern)) <= n_errors * self.chern_error
            and abs(self.filling - float(line.filling)) <= n_errors * self.filling_error
        )

    def __str__(self) -> str:
        return (
            f"C = phi_0 dn/dB = {Number(self.chern):+.4f} +- {Number(self.chern_error):.4f}, "
            f"nu = {Number(self.filling):+.5f} +- {Number(self.filling_error):.5f} "
            f"({self.n_points} points, chi^2 per degree {self.chi2_per_degree:.3g})"
        )


@checked
def fit_streda(
    field_tesla: ArrayLike,
    density_per_nm2: ArrayLike,
    cell_area_nm2: float,
    density_error_per_nm2: ArrayLike | None = None,
) -> StredaFit:
    """Least-squares Streda slope and filling of an incompressible state, with standard errors.

    Parameters
    ----------
    field_tesla, density_per_nm2
        Measured points: B in tesla and the density n of electrons, negative for holes, in 1/nm^2, both (point,).
    cell_area_nm2
        Area of the moire cell.
    density_error_per_nm2
        Standard error of the densities, one number or (point,); by default it is taken from the scatter.

    Raises
    ------
    InputError
        If the arrays do not match, there are fewer than three points, all fields are equal, or an error or the
        area is not positive.
    """
    fields = np.asarray(field_tesla, dtype=float)
    densities = np.asarray(density_per_nm2, dtype=float)
    require(
        fields.ndim == 1 and fields.shape == densities.shape,
        "density_per_nm2",
        f"have one value per field, shape {fields.shape}",
        found=f"has shape {densities.shape}",
    )
    require(len(fields) >= 3, "field_tesla", "have at least three points", found=f"has {len(fields)}")
    for name, values in (("field_tesla", fields), ("density_per_nm2", densities)):
        require(np.all(np.isfinite(values)), name, "be finite", values)
    require(np.ptp(fields) > 0, "field_tesla", "hold different fields", found=f"holds {fields[0]:g} alone")
    require(cell_area_nm2 > 0, "cell_area_nm2", "be positive", cell_area_nm2)
    errors = np.ones(len(fields))
    if density_error_per_nm2 is not None:
        errors = np.broadcast_to(np.asarray(density_error_per_nm2, dtype=float), fields.shape)
        require(np.all(errors > 0), "density_error_per_nm2", "be positive", density_error_per_nm2)
    # Work with nu(B) = nu + C (A_cell B / phi_0): dimensionless, of order one.
    flux, fillings, errors = fields * cell_area_nm2 / FLUX_QUANTUM, densities * cell_area_nm2, errors * cell_area_nm2
    design = np.stack([np.ones_like(flux), flux], axis=-1) / errors[:, None]
    centre = np.linalg.qr(design)
    solution = np.linalg.solve(centre.R, centre.Q.T @ (fillings / errors))
    residual = fillings / errors - design @ solution
    chi2 = float(residual @ residual) / (len(fields) - 2)
    inverse = np.linalg.inv(centre.R)
    covariance = inverse @ inverse.T
    if density_error_per_nm2 is None:
        covariance, chi2 = covariance * chi2, 1.0
    sigma = np.sqrt(np.diag(covariance))
    return StredaFit(float(solution[1]), float(sigma[1]), float(solution[0]), float(sigma[0]), chi2, len(fields))
