# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # A fractional Chern insulator
#
# Eight holes on twelve cells of twisted MoTe2 at 3.7 degrees, with the parameters of arXiv:2304.11864: spectrum,
# flux, correlations, and where the state ends.

# %%
import matplotlib.pyplot as plt

import moire as mo
from moire import observables, plot

wang = mo.parameters.WANG_2023
lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5))

# %% [markdown]
# ## Eight holes on 3 x 4 cells
#
# The interaction is projected onto the top band of one valley; the four missing holes are diagonalized.

# %%
cluster = mo.solve_bands(model, mo.MomentumGrid.regular(lattice, 3, 4), n_bands=1)
problem = mo.project(cluster, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30))
spectrum = mo.solve_all_sectors(problem, "-2/3", n_eigenstates=3, keep_vectors=True)
plot.plot_spectrum(spectrum, plt.figure(figsize=(5, 3.4)).gca())
print(spectrum)
assert spectrum.manifold.is_signature

# %% [markdown]
# ## Flux through the torus
#
# One flux quantum permutes the three states, and none leaves the manifold; their Chern number over all boundary
# phases is -2 in total, -2/3 for each.

# %%
flow = observables.spectral_flow(problem, "-2/3", 1, n_steps=4)
_ = plot.plot_spectral_flow(flow, plt.figure(figsize=(5, 3.4)).gca())
print(flow.verdict)
chern = observables.many_body_chern(problem, "-2/3", (6, 6))
print(chern)
assert abs(chern.per_state + 2 / 3) < 1e-6

# %% [markdown]
# ## Correlations
#
# Particles keep apart at short distance, the structure factor has no peak at the corners, and the entanglement
# levels below the gap are as many as quasihole counting predicts.

# %%
structure = observables.structure_factor(spectrum, problem)
figure, axes = plt.subplots(1, 3, figsize=(13, 3.4), layout="constrained")
plot.plot_structure_factor(structure, axes[0])
plot.plot_pair_correlation(observables.pair_correlation(structure), axes[1])
_ = plot.plot_entanglement(observables.entanglement_spectrum(spectrum, 2), axes[2])

# %% [markdown]
# ## Dependence on the interaction strength
#
# A weaker interaction no longer exceeds the width of the band, and the ground-state manifold merges with other states.

# %%
for epsilon_r in (5, 10, 20, 50, 200):
    problem = mo.project(cluster, mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30))
    manifold = mo.solve_all_sectors(problem, "-2/3").manifold
    print(f"eps = {epsilon_r:>3}: splitting {manifold.splitting:7.3g} meV, gap {manifold.gap:7.3g} meV")
assert manifold.gap < manifold.splitting
