# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # Fields and angles
#
# Phase diagrams of Hartree-Fock from the tables in `data/reference`, which took hours, and a boundary of one-body
# topology, which takes seconds.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import moire as mo
from moire.io import read_record
from moire.plot import plot_gap_line, plot_phase_map
from moire.topology import displacement_family, find_gap_closing

REFERENCE = Path(mo.__file__).parents[1] / "data" / "reference"  # of a clone


def stored(name):
    """Columns of a stored sweep by name."""
    datasets = read_record(REFERENCE / f"{name}.h5").datasets
    return {key.removeprefix("hf/"): dataset.values for key, dataset in datasets.items()}


# %% [markdown]
# ## Two holes per cell: field against interaction, and angle against field
#
# Hatched points lie so close to the next phase that the bands left out decide between them.

# %%
coupling, angles = stored("hf_nu2_field_epsilon"), stored("hf_nu2_angle_field")
coupling["inverse_epsilon"] = 1 / coupling["epsilon"]
figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
plot_phase_map(coupling, "inverse_epsilon", "D", axes[0])
axes[0].set(xlabel=r"$1/\epsilon$", ylabel="D (meV)", title="3.89 degrees")
plot_phase_map(angles, "theta", "D", axes[1])
_ = axes[1].set(xlabel="twist angle (deg)", ylabel="D (meV)", title=r"$\epsilon$ = 20")

# %% [markdown]
# ## Along one line
#
# A mask selects the points at eps = 20.

# %%
line = np.isclose(coupling["epsilon"], 20)
ax = plt.figure(figsize=(5.4, 3.6)).gca()
plot_gap_line({key: values[line] for key, values in coupling.items()}, "D", ax)
ax.set_xlabel("D (meV)")
phases = coupling["phase"][line][np.argsort(coupling["D"][line])]
print(" -> ".join(dict.fromkeys(phases)))
assert list(dict.fromkeys(phases)) == ["AFMxy", "AFMz", "BI"]

# %% [markdown]
# ## One hole per cell

# %%
ones = stored("hf_nu1")
ones["inverse_epsilon"] = 1 / ones["epsilon"]
ax = plot_phase_map(ones, "inverse_epsilon", "D", plt.figure(figsize=(6, 4), layout="constrained").gca())
_ = ax.set(xlabel=r"$1/\epsilon$", ylabel="D (meV)", title="3.7 degrees")

# %% [markdown]
# ## Where the field makes the top band trivial
#
# Without interaction the top gap of one valley closes near 8 meV at 3 degrees, 16 at 3.5 and 24 at 3.89.

# %%
family = displacement_family(mo.parameters.WANG_2023, 3.89, plane_wave_shells=4)
closing = find_gap_closing(family, (20.0, 28.0), 0, n_mesh=6)
print(closing)
assert abs(closing.value - 24) < 0.5
