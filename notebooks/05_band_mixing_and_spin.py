# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # Band mixing and spin
#
# Six holes on nine cells fill two thirds of one band, and mix it with the next ones when the interaction is strong.
# The spin is locked to the valley, so that a flipped spin is a hole in the other valley.

# %%
import matplotlib.pyplot as plt
import numpy as np

import moire as mo
from moire.exact_diagonalization import promotion_sequence
from moire.observables import momentum_occupation, valley_polarisation

reddy = mo.parameters.REDDY_2023
lattice = mo.MoireLattice.from_twist(3.0, reddy.lattice_constant_nm)
basis = mo.PlaneWaveBasis(lattice, 6)
valleys = [mo.ContinuumModel(reddy, basis, valley) for valley in (+1, -1)]
nine = mo.MomentumGrid.regular(lattice, 3, 3)
bare = mo.ScreenedCoulomb(epsilon_r=5, gates="none")


def problem_of(models, n_bands, grid=nine):
    """Holes in the top bands with the bare Coulomb interaction."""
    return mo.project(mo.solve_bands(models, grid, n_bands), bare, carrier="hole", q_cutoff=8)


# %% [markdown]
# ## Energy and weights against the number of bands
#
# Filled symbols are computed here; values for four and five bands, with sectors of up to 905,100 states, and the
# published ones are stored.

# %%
energies, weights = [], []
for n_bands in (1, 2):
    spectrum = mo.solve_all_sectors(problem_of(valleys[0], n_bands), "-2/3", n_eigenstates=1, keep_vectors=True)
    row = int(spectrum.energies[:, 0].argmin())
    energies.append(spectrum.energy_per_carrier)
    weights.append(momentum_occupation(spectrum, [(row, 0)]).band_weights[0])
    print(f"{n_bands} bands: {energies[-1]:.5f} meV per hole, weights {weights[-1].round(3)}")
assert np.allclose(energies, [-47.15614, -50.07742], atol=1e-5)
ax = plt.figure(figsize=(5, 3.2)).gca()
ax.plot([1, 2, 3, 4, 5], [-47.15614, -50.07742, -51.86053, -52.53795, -52.72554], "o-", mfc="w", label="stored")
ax.plot([1, 2], energies, "C0o", label="computed here")
ax.plot([1, 2, 5], [-47.15, -50.06, -52.7], "kx", label="arXiv:2503.13585, Fig. 2")
ax.set(xlabel="bands kept", ylabel="energy per hole (meV)", xticks=range(1, 6))
_ = ax.legend(frameon=False)

# %% [markdown]
# ## How many holes leave the first band
#
# States with at most 0, 1, 2 ... promoted holes are a sequence of subspaces, and the energy never rises along it.

# %%
print(promotion_sequence(problem_of(valleys[0], 2), "-2/3", max_promoted=2))

# %% [markdown]
# ## Spin
#
# With both valleys, the fully polarised state is compared with those that have flipped spins.

# %%
six = mo.MomentumGrid.regular(lattice, 2, 3)
polarisation = valley_polarisation(mo.solve_all_sectors(problem_of(valleys, 1, six), "-2/3", n_eigenstates=1))
print(polarisation)
assert polarisation.decision.answer
