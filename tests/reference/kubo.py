"""Berry curvature by the textbook sum over all bands."""

import numpy as np


def curvature(model, k, group):
    """Omega(k) = -2 Im sum_{n in group} sum_{m not in group} <n|dx H|m><m|dy H|n> / (E_n - E_m)^2, in nm^2."""
    energies, states = np.linalg.eigh(model.hamiltonian(k))
    if model.top_band_first:
        energies, states = energies[::-1], states[:, ::-1]
    vx, vy = (states.conj().T @ velocity @ states for velocity in model.velocity(k))
    total = 0.0
    for n in group:
        for m in range(len(energies)):
            if m not in group:
                total += -2 * (vx[n, m] * vy[m, n]).imag / (energies[n] - energies[m]) ** 2
    return total
