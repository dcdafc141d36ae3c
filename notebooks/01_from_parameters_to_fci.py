# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # From parameters to a fractional Chern insulator
#
# Twisted MoTe2 at 3.7 degrees with the parameters of arXiv:2304.11864: bands, topology, a spectrum at filling -2/3.
# Convert it with `jupytext --to ipynb`, or run it as a script.

# %%
import matplotlib.pyplot as plt
import numpy as np

import moire as mo
from moire.plot import plot_bands, plot_flux, plot_spectrum

wang = mo.parameters.WANG_2023
lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
basis = mo.PlaneWaveBasis(lattice, 5)
valleys = [mo.ContinuumModel(wang, basis, valley) for valley in (+1, -1)]
print(wang)

# %% [markdown]
# ## Bands of both valleys
#
# E_K(k) = E_K'(-k), so the bands of the valleys differ in general; at D = 0 with first harmonics they coincide.

# %%
path = mo.solve_bands(valleys, mo.KPath.through(lattice, points_per_segment=15), n_bands=3)
plot_bands(path, plt.figure().gca())
assert np.allclose(path.energies[0], path.energies[1], atol=1e-6)

# %% [markdown]
# A displacement field splits them at the corners of the zone.

# %%
biased = [mo.ContinuumModel(wang, basis, valley, displacement_mev=10) for valley in (+1, -1)]
split = mo.solve_bands(biased, mo.KPath.through(lattice, points_per_segment=15), n_bands=3)
plot_bands(split, plt.figure().gca())
print(f"largest splitting {np.abs(split.energies[0] - split.energies[1]).max():.3g} meV")

# %% [markdown]
# ## Chern number by two routes, and the flux map

# %%
mesh = mo.solve_bands(valleys[0], mo.MomentumGrid.regular(lattice, 18, 18), n_bands=2)
chern = mo.topology.chern_number(mesh, [0])
curvature = mo.topology.berry_curvature(mesh, [0])
print(chern)
print(f"by the curvature {curvature.chern:+.6f}")
plot_flux(chern, lattice, plt.figure().gca())
assert chern.rounded == -1
assert abs(curvature.chern - chern.value) < 1e-5

# %% [markdown]
# ## Eight holes on 3 x 4 cells
#
# The interaction is projected onto the top band of one valley; the four missing holes are diagonalized.

# %%
cluster = mo.solve_bands(valleys[0], mo.MomentumGrid.regular(lattice, 3, 4), n_bands=1)
problem = mo.project(cluster, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30))
spectrum = mo.solve_all_sectors(problem, "-2/3")
plot_spectrum(spectrum, plt.figure().gca())
print(spectrum)
assert spectrum.manifold.is_signature

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
