# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, name: python3, language: python}
# ---

# %% [markdown]
# # Reading a sweep
#
# The notebook runs a small sweep of its own.
# To use the results of `make demo`, set `folder` to `results/demo` and leave out the run.

# %%
from pathlib import Path

import matplotlib.pyplot as plt

from moire.io import read_record, read_spectrum
from moire.plot import plot_band_trend, plot_fci_trend, plot_spectrum
from moire.sweep import ResultsFolder, collect, parse_plan, run_sweep

plan = parse_plan(
    {
        "name": "notebook",
        "tasks": ["bands", "chern", "ed"],
        "model": {"parameter_set": "WANG_2023", "twist_deg": [3.1, 3.7, 4.3], "plane_wave_shells": 4},
        "bands": {"mesh": [6, 6], "points_per_segment": 5},
        "chern": {"mesh": [9, 9], "bands": [[0], [1]]},
        "interaction": {"epsilon_r": [10, 20], "q_cutoff": 3},
        "ed": [{"cluster": [3, 4], "filling": "-2/3"}],
    }
)
folder = ResultsFolder(Path("results/notebook"))
folder.open_for_writing()
print(run_sweep(plan.requests(), folder))

# %% [markdown]
# ## Tables
#
# One table per task, one column per quantity, sorted by the coordinates of the points.

# %%
summary = collect(folder)
print(summary)

# %%
bands, ed = summary.tables["bands"], summary.tables["ed"]
_ = plot_band_trend(bands, plt.figure(figsize=(5, 3.4)).gca())

# %% [markdown]
# ## Gap and splitting against the angle
#
# A column is an array; a mask selects the points of one dielectric constant.

# %%
ax = plt.figure(figsize=(5, 3.4)).gca()
for i, epsilon in enumerate((10, 20)):
    chosen = ed["epsilon"] == epsilon
    columns = {name: ed[name][chosen] for name in ("theta", "gap", "splitting")}
    plot_fci_trend(columns, rf"$\epsilon$ = {epsilon}", ax, color=f"C{i}")
best = ed["theta"][(ed["gap"] - ed["splitting"]).argmax()]
print(f"clearest manifold at {best} degrees")
assert best == 3.7

# %% [markdown]
# ## One point
#
# Every file holds the request, the versions of the code, and the time the computation took.

# %%
path = next(path for path in folder.files() if path.name.startswith("ed-3.700"))
record = read_record(path)
for name in ("title", "versions", "git", "wall_seconds", "warnings"):
    print(f"{name:>12}  {record.attributes[name]}")
_ = plot_spectrum(read_spectrum(record), plt.figure(figsize=(5, 3.4)).gca())
