# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # The antiferromagnetic Chern insulator at two holes per cell
#
# Hartree-Fock in both valleys with the parameters and the interaction of arXiv:2308.07488, on a small mesh.
# A displacement field drives an in-plane antiferromagnet into an out-of-plane one with a Chern number.

# %%
import matplotlib.pyplot as plt

import moire as mo
from moire.hartree_fock import MeanField, excitations, follow, ground_state, interpolate_bands, real_space_map
from moire.observables import identify_phase
from moire.plot import plot_bands, plot_flux, plot_moment_map

wang = mo.parameters.WANG_2023
lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
basis = mo.PlaneWaveBasis(lattice, 5)
grid = mo.MomentumGrid.regular(lattice, 6, 6)
coulomb = mo.ScreenedCoulomb(epsilon_r=20, gate_distance_nm=30, layer_distance_nm=0.7)


def mean_field(displacement_mev: float) -> MeanField:
    """Mean field of both valleys, three bands each, in a displacement field."""
    valleys = [mo.ContinuumModel(wang, basis, valley, displacement_mev) for valley in (+1, -1)]
    bands = mo.solve_bands(valleys, grid, n_bands=3)
    return MeanField(mo.project(bands, coulomb, carrier="hole", q_cutoff=2, zero_momentum="exchange"))


# %% [markdown]
# ## States along a line of fields, followed in both directions
#
# Each state found at one field is a guess at the next, so that a first-order transition is where two energies cross.

# %%
fields = [0.0, 30.0]
mean_fields = [mean_field(field) for field in fields]
line = follow(mean_fields, [ground_state(each, 2, ["AFMxy", "AFMz"]) for each in mean_fields])
for field, found in zip(fields, line, strict=True):
    print(f"D = {field:4.0f} meV: {identify_phase(found).name:>6}, gap {found.best.gap:6.3g} meV")

# %% [markdown]
# ## The state at 30 meV: bands, Berry flux, moments

# %%
state = line[1].best
phase = identify_phase(state)
print(state, phase, sep="\n")
path = interpolate_bands(state, mo.KPath.through(lattice, points_per_segment=5))
density = real_space_map(state.problem, state.density_matrix)
figure, axes = plt.subplots(1, 4, figsize=(17, 3.8), layout="constrained")
plot_bands(path, axes[0])
if phase.chern is not None:
    plot_flux(phase.chern, lattice, axes[1])
for layer, ax in enumerate(axes[2:]):
    name = f"layer {'bt'[layer]}"
    plot_moment_map(
        density.points, density.layers[layer], density.in_plane[layer], density.out_of_plane[layer], ax, name
    )

# %% [markdown]
# ## Magnons
#
# The in-plane order at zero field breaks the U(1) rotation between the valleys: a Goldstone mode, zero at Q = 0.

# %%
modes = excitations(line[0].best, n_modes=2, momenta=[(0, 0), (1, 0)])
print(modes)
for label, energies in zip(modes.labels, modes.energies, strict=True):
    print(tuple(map(int, label)), energies.round(3))
