"""Overlaps of plane-wave states by their definition: real-space plane waves, one loop per index."""

import numpy as np


def layer_overlap(bands, flavour, k, m, k_prime, n, q):
    """<m k| e^{-i q.r} |n k'> per layer, from psi = sum_g c_g exp(i (k + g).r); zero unless k' + G = k + q.

    The integral over r of exp(i (k' + g' - q - k - g).r) is one when the exponent vanishes.
    """
    model = bands.models[flavour]
    points, waves = bands.grid.points, model.basis.cartesian.tolist()
    mismatch = (points[k_prime] - q - points[k]).tolist()
    out = np.zeros(2, dtype=complex)
    for layer in (0, 1):
        for g, left in enumerate(waves):
            for g_prime, right in enumerate(waves):
                dx, dy = mismatch[0] + right[0] - left[0], mismatch[1] + right[1] - left[1]
                if abs(dx) + abs(dy) < 1e-6:
                    bra = bands.states[flavour, k, m, layer, g].conj()
                    out[layer] += bra * bands.states[flavour, k_prime, n, layer, g_prime]
    return out
