"""Trends of a sweep: bands and many-body gaps against the coordinate that varies, one line for each of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from moire.plot import plot_band_trend, plot_chern_trend, plot_fci_trend, styled
from moire.sweep.collect import Table

_AXES = {
    "theta": "twist angle (deg)",
    "D": "displacement field D (meV)",
    "epsilon": r"dielectric constant $\epsilon$",
}
_TEXTS = {
    "cluster": "{}",
    "filling": r"$\nu = {}$",
    "epsilon": r"$\epsilon = {:g}$",
    "theta": r"$\theta = {:g}\degree$",
    "D": "D = {:g} meV",
    "boundary_phase_1": r"$\phi_1 / 2\pi = {:g}$",
    "boundary_phase_2": r"$\phi_2 / 2\pi = {:g}$",
}


@styled()
def band_trends(bands: Table, chern: Table) -> Figure:
    """Width, gap and Chern numbers against the angle at the smallest field, or against the field at one angle."""
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    axis, other = ("theta", "D") if _axis(bands, ("theta", "D")) == "theta" else ("D", "theta")
    value = min(bands[other], key=abs)
    plot_band_trend(_select(bands, bands[other] == value), left, axis, _AXES[axis])
    names = [name for name in chern.columns if name.startswith("chern_")]
    plot_chern_trend(_select(chern, chern[other] == value), names, right, axis, _AXES[axis])
    figure.suptitle(f"{bands['parameters'][0]}, {_TEXTS[other].format(value)}", fontsize="medium")
    return figure


@styled()
def fci_trends(table: Table) -> Figure:
    """Gap and splitting against the angle, the field or the dielectric constant: the first of them that varies."""
    axis = _axis(table, tuple(_AXES))
    others = [name for name in _TEXTS if name != axis]
    varying = [name for name in others if len(set(table[name])) > 1]
    figure = Figure(figsize=(7.4 if varying else 5.4, 4.0), layout="constrained")
    ax = figure.subplots()
    for i, values in enumerate(sorted(set(zip(*(table[name] for name in varying), strict=True))) if varying else [()]):
        same = np.ones(table.n_rows, dtype=bool)
        for name, value in zip(varying, values, strict=True):
            same &= table[name] == value
        label = ", ".join(_TEXTS[name].format(value) for name, value in zip(varying, values, strict=True))
        plot_fci_trend(_select(table, same), label, ax, color=f"C{i}", x=axis, x_label=_AXES[axis])
    if varying:  # many entries: beside the lines
        ax.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
    fixed = [
        name for name in others if name not in varying and (not name.startswith("boundary_phase") or table[name][0])
    ]
    ax.set_title(
        ", ".join([table["parameters"][0], *(_TEXTS[name].format(table[name][0]) for name in fixed)]), fontsize="medium"
    )
    return figure


def _axis(table: Table, names: Sequence[str]) -> str:
    """Return the first coordinate that takes several values; the first one if none does."""
    return next((name for name in names if len(set(table[name])) > 1), names[0])


def _select(table: Table, mask: np.ndarray) -> dict[str, np.ndarray]:
    return {name: table[name][mask] for name in table.columns}
