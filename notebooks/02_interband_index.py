# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # The interband index
#
# A Chern number belongs to one band on the whole zone.
# The interband index (arXiv:2307.16893) belongs to two bands on any region, and is an integer wherever the coupling
# between them does not vanish on the boundary.

# %%
import matplotlib.pyplot as plt

import moire as mo
from moire.models import ChiralMultilayer, MassiveDirac
from moire.plot import plot_index_versus_radius
from moire.topology import Disk, Zone, index_versus_radius, interband_index, interband_valley_index, topological_charges

# %% [markdown]
# ## Dirac points and chiral multilayers
#
# A massive Dirac point has the index minus its valley times the sign of the mass; N chiral layers have N times that.

# %%
for n_layers in (1, 2, 3):
    options = {"velocity_mev_nm": 658.0, "mass_mev": 50.0, "valley": +1}
    if n_layers == 1:
        model = MassiveDirac(**options)
    else:
        model = ChiralMultilayer(n_layers=n_layers, coupling_mev=380.0, **options)
    index = interband_index(model, Disk((0.0, 0.0), 0.3), 0, 1)
    print(f"{n_layers} layers: {index.rounded:+d}")
    assert index.rounded == -n_layers

# %% [markdown]
# ## Twisted MoTe2
#
# On the whole zone the index of bands n and m is C_m - C_n: here 1 - (-1) = 2.

# %%
wang = mo.parameters.WANG_2023
lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
basis = mo.PlaneWaveBasis(lattice, 4)
valleys = [mo.ContinuumModel(wang, basis, valley) for valley in (+1, -1)]
whole = interband_index(valleys[0], Zone(lattice), 0, 1)
print(whole)
assert whole.rounded == 2

# %% [markdown]
# On a disk around gamma it jumps with the radius, wherever the coupling passes through zero on the boundary.

# %%
scan = index_versus_radius(valleys[0], (0.0, 0.0), [0.15, 0.3, 0.45, 0.6], 0, 1)
_ = plot_index_versus_radius(scan, plt.figure(figsize=(5, 3)).gca())

# %% [markdown]
# ## Charges and valleys
#
# The index between the valleys is the difference of both, the second on the time-reversed region.

# %%
disk = Disk((0.0, 0.0), 0.2)
print(topological_charges(valleys[0], disk, [0, 1]))
both = interband_valley_index(*valleys, disk, 0, 1)
print(f"K {both.valley_k.rounded:+d}, K' {both.valley_k_prime.rounded:+d}, valley index {both.value:+.3f}")
assert both.valley_k.rounded == -both.valley_k_prime.rounded
