"""Matrix elements of plane waves between Landau levels, and the guiding-centre algebra at rational flux."""

from __future__ import annotations

import numpy as np
from scipy.special import eval_genlaguerre, gammaln

from moire._arrays import ComplexArray


def displaced_oscillator(beta: complex, n_levels: int) -> ComplexArray:
    """<n| exp(beta a^+ - beta^* a) |m> for n, m below `n_levels`, (n, m).

    sqrt(m!/n!) beta^(n-m) exp(-|beta|^2/2) L_m^(n-m)(|beta|^2) for n >= m, and the conjugate element of -beta
    otherwise (Cahill and Glauber, Phys. Rev. 177, 1857). The factors are put together as logarithms, so that large n
    neither overflow nor vanish.
    """
    n, m = np.meshgrid(np.arange(n_levels), np.arange(n_levels), indexing="ij")
    low, step = np.minimum(n, m), np.abs(n - m)
    size = abs(beta)
    if size == 0:
        return np.eye(n_levels, dtype=complex)
    laguerre = eval_genlaguerre(low, step, size**2)
    with np.errstate(divide="ignore"):
        logarithm = (gammaln(low + 1) - gammaln(low + step + 1)) / 2 + step * np.log(size) - size**2 / 2
        magnitude = np.exp(logarithm + np.log(np.abs(laguerre))) * np.sign(laguerre)
    turn = beta / size
    phase = np.where(n >= m, turn**step, (-turn.conjugate()) ** step)
    return np.asarray(magnitude * phase)


def clock_and_shift(numerator: int, denominator: int, sign: int) -> tuple[ComplexArray, ComplexArray]:
    """Matrices Z, X of dimension p with Z X = exp(-2 pi i s q/p) X Z, for flux p/q of sign s.

    They represent exp(i b_1.R) and exp(i b_2.R) of the guiding centre R, which do not commute: [R_x, R_y] = i s l^2.
    """
    p = numerator
    clock = np.diag(np.exp(-2j * np.pi * sign * denominator * np.arange(p) / p))
    return clock, np.roll(np.eye(p, dtype=complex), 1, axis=0)


def guiding_centre_wave(
    transfer: tuple[int, int], numerator: int, denominator: int, sign: int, angles: tuple[float, float]
) -> ComplexArray:
    """exp(i G.R) for G = n_1 b_1 + n_2 b_2 in the representation of two angles, (p, p).

    exp(i b_j.R) is exp(i alpha_j) times the clock or the shift; their product is ordered symmetrically.
    """
    clock, shift = clock_and_shift(numerator, denominator, sign)
    (first, second), p = transfer, numerator
    power = np.linalg.matrix_power
    ordered = power(clock, first % p) @ power(shift, second % p)
    phase = first * angles[0] + second * angles[1] + np.pi * sign * first * second * denominator / numerator
    return np.asarray(np.exp(1j * phase) * ordered)
