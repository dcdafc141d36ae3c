# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # Bands and Berry curvature
#
# Twisted MoTe2 with the parameters of arXiv:2304.11864: two valleys, their bands, and how the flux of the top band
# is distributed over the zone.

# %%
import matplotlib.pyplot as plt
import numpy as np

import moire as mo
from moire.plot import plot_bands, plot_flux, plot_zone_map

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
path = mo.KPath.through(lattice, points_per_segment=15)
unbiased = mo.solve_bands(valleys, path, n_bands=3)
assert np.allclose(unbiased.energies[0], unbiased.energies[1], atol=1e-6)
biased = [mo.ContinuumModel(wang, basis, valley, displacement_mev=10) for valley in (+1, -1)]
split = mo.solve_bands(biased, path, n_bands=3)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for ax, bands, title in zip(axes, (unbiased, split), ("D = 0", "D = 10 meV"), strict=True):
    plot_bands(bands, ax).set_title(title, fontsize="medium")
print(f"largest splitting {np.abs(split.energies[0] - split.energies[1]).max():.3g} meV")

# %% [markdown]
# ## Chern number by two routes
#
# Links give an integer on any mesh; the curvature by perturbation theory tends to it, and uses neither links nor a
# gauge.

# %%
mesh = mo.solve_bands(valleys[0], mo.MomentumGrid.regular(lattice, 18, 18), n_bands=2)
chern = mo.topology.chern_number(mesh, [0])
curvature = mo.topology.berry_curvature(mesh, [0])
print(chern)
print(f"by the curvature {curvature.chern:+.9f}")
assert chern.rounded == -1
assert abs(curvature.chern - chern.value) < 1e-5

# %% [markdown]
# ## Where the curvature is
#
# The metric follows the curvature: its trace is nowhere smaller than |Omega|.

# %%
geometry = mo.topology.quantum_geometry(mesh, [0])
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
plot_flux(chern, lattice, axes[0])
_ = plot_zone_map(geometry.trace.reshape(18, 18), lattice, axes[1], r"tr $g$ (nm$^2$)")
print(geometry)

# %% [markdown]
# ## With a slider
#
# In Jupyter with ipywidgets, the next cell shows the bands at any angle and field.


# %% tags=["skip-execution"]
def explore(twist_deg: float = 3.7, displacement_mev: float = 0.0) -> None:
    """Draw the bands of valley K."""
    turned = mo.MoireLattice.from_twist(twist_deg, wang.lattice_constant_nm)
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(turned, 5), +1, displacement_mev)
    plot_bands(mo.solve_bands(model, mo.KPath.through(turned, points_per_segment=8), 3), plt.figure().gca())


try:
    from ipywidgets import interact
except ImportError:
    explore(3.3, 5.0)
else:
    interact(explore, twist_deg=(2.0, 5.0, 0.1), displacement_mev=(0.0, 40.0, 1.0))
