"""Records of the diagnostics of a fractional Chern insulator, written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from moire._arrays import read_only
from moire._types import checked
from moire.form_factors import Transfers
from moire.grids import MomentumGrid
from moire.io.grids import read_grid
from moire.io.hdf5 import Dataset, Record
from moire.io.spectrum import read_spectrum, spectrum_record
from moire.observables import (
    ChargeGap,
    ChargeOrder,
    EntanglementSpectrum,
    FciReport,
    ManyBodyChern,
    MomentumOccupation,
    QuantumWeight,
    SpectralFlow,
    StructureFactor,
    charge_order,
)

Part = TypeVar("Part")
_ARRAYS: Mapping[type, Mapping[str, tuple[str, tuple[str, ...], str]]] = {
    MomentumOccupation: {
        "density": ("", ("state", "flavour", "k", "m", "n"), "<c^+_nk c_mk> of the carriers in each state"),
    },
    StructureFactor: {
        "density": ("", ("flavour", "k", "m", "n"), "<c^+_nk c_mk> averaged over the states"),
        "flavour_pairs": ("", ("flavour", "flavour", "q", "layer", "layer"), "<:rho_q rho_-q:> between layers"),
        "flavour_density": ("", ("flavour", "q"), "<rho_q>"),
        "flavour_weight": ("", ("flavour", "q"), "N_p(q), in one band sum_k n_k |lambda_q(k)|^2"),
    },
    QuantumWeight: {"tensor": ("", ("xy", "xy"), "K_ab")},
    EntanglementSpectrum: {
        "numbers": ("", ("sector", "flavour"), "particles kept of each flavour"),
        "eigenvalues": ("", ("sector", "level"), "of the reduced density matrix, NaN beyond the dimension"),
        "predicted": ("", ("sector",), "predicted number of levels below the gap"),
    },
    SpectralFlow: {
        "phases": ("2 pi", ("step",), "boundary phase"),
        "energies": ("meV", ("step", "sector", "level"), "levels of the sectors solved"),
        "tracked": ("meV", ("step", "state"), "levels of the manifold"),
        "splitting": ("meV", ("step",), "spread of the manifold"),
        "gap": ("meV", ("step",), "gap above the manifold"),
    },
    ManyBodyChern: {"flux": ("rad", ("phi_1", "phi_2"), "flux of each plaquette of boundary phases")},
    ChargeGap: {},
    ChargeOrder: {
        "corner_peak": ("", (), "full S(q), the mean at K and K'"),
        "projected_peak": ("", (), "projected S(q), the mean at K and K'"),
        "background": ("", (), "largest full S(q) elsewhere in the zone"),
    },
}


_EARLIER: Mapping[tuple[type, str], tuple[str, tuple[int, ...]]] = {
    (SpectralFlow, "phases"): ("twists", ()),
    (MomentumOccupation, "density"): ("per_state", (1, 3, 4)),
    (StructureFactor, "density"): ("occupation", (0, 2, 3)),
    (StructureFactor, "flavour_pairs"): ("pairs", (0, 1)),
    (StructureFactor, "flavour_density"): ("mean_density", (0,)),
    (StructureFactor, "flavour_weight"): ("band_weight", (0,)),
}
"""Names of arrays in earlier files, and the axes of one flavour and one band that these lack."""


@checked
def fci_record(report: FciReport) -> Record:
    """Record of a report: everything of an ``"ed"`` record, and one group for each diagnostic."""
    parts: dict[str, object] = {
        "occupation": report.occupation,
        "structure": report.structure,
        "weight": report.weight,
        "order": report.order,
    }
    parts |= {f"flow_{flow.direction}": flow for flow in report.flows}
    optional = {"entanglement": report.entanglement, "many_body_chern": report.chern, "charge": report.charge}
    parts |= {name: part for name, part in optional.items() if part is not None}
    datasets = dict(spectrum_record(report.spectrum).datasets)
    datasets["structure/vectors"] = Dataset(report.structure.transfers.vectors, "1/nm", ("q", "xy"), "momenta q")
    structure, occupation = report.structure, report.occupation
    by_band = ("flavour", "k", "band")
    datasets["occupation/by_band"] = Dataset(occupation.by_band, "", by_band, "n(k) by band, averaged over the states")
    datasets["occupation/natural"] = Dataset(occupation.natural_occupations, "", by_band, "natural occupations")
    datasets["structure/full"] = Dataset(structure.full, "", ("q",), "full structure factor per carrier")
    datasets["structure/projected"] = Dataset(structure.projected, "", ("q",), "projected structure factor per carrier")
    for name, part in parts.items():
        datasets |= _stored(name, part)
    answers = [[check.question, check.answer, check.evidence] for check in report.checks]
    datasets["checks"] = Dataset(json.dumps(answers), "", (), "questions, answers and evidence, JSON")
    return Record("fci", datasets)


@checked
def read_fci(record: Record) -> FciReport:
    """Report from an ``"fci"`` record; the charge order follows from its spectrum, S(q) and Chern number."""
    grid = read_grid(record, "cluster")
    names = {name.split("/")[0] for name in record.datasets}

    def optional(name: str, kind: type[Part]) -> Part | None:
        return _loaded(record, name, kind, grid) if name in names else None

    spectrum = read_spectrum(record)
    structure = _loaded(record, "structure", StructureFactor, grid)
    chern = optional("many_body_chern", ManyBodyChern)
    return FciReport(
        spectrum=spectrum,
        occupation=_loaded(record, "occupation", MomentumOccupation, grid),
        structure=structure,
        weight=_loaded(record, "weight", QuantumWeight, grid),
        order=charge_order(spectrum, structure, chern=chern),
        entanglement=optional("entanglement", EntanglementSpectrum),
        flows=tuple(_loaded(record, name, SpectralFlow, grid) for name in ("flow_1", "flow_2") if name in names),
        chern=chern,
        charge=optional("charge", ChargeGap),
    )


def _stored(name: str, part: object) -> dict[str, Dataset]:
    """Arrays of a diagnostic as datasets, all its other fields as one JSON text."""
    arrays = _ARRAYS[type(part)]
    datasets: dict[str, Dataset] = {}
    rest: dict[str, Any] = {}
    for each in fields(part):  # type: ignore[arg-type]
        value = getattr(part, each.name)
        if each.name in arrays and value is not None:
            datasets[f"{name}/{each.name}"] = Dataset(value, *arrays[each.name])
        elif isinstance(value, Transfers):
            rest[each.name] = value.q_cutoff
        elif not isinstance(value, MomentumGrid):
            rest[each.name] = str(value) if isinstance(value, Fraction) else value
    datasets[f"{name}/fields"] = Dataset(json.dumps(rest, default=np.generic.item), "", (), "the other fields, JSON")
    return datasets


def _loaded(record: Record, name: str, kind: type[Part], grid: MomentumGrid) -> Part:
    values: dict[str, Any] = json.loads(str(record[f"{name}/fields"]))
    for each in fields(kind):  # type: ignore[arg-type]
        old, axes = _EARLIER.get((kind, each.name), (each.name, ()))
        if f"{name}/{each.name}" in record.datasets:
            values[each.name] = read_only(np.asarray(record[f"{name}/{each.name}"]))
        elif f"{name}/{old}" in record.datasets:
            values[each.name] = read_only(np.expand_dims(np.asarray(record[f"{name}/{old}"]), axes))
        elif kind is EntanglementSpectrum and each.name == "numbers":  # in files without flavours
            values["numbers"] = read_only(np.full((grid.n_points, 1), values["n_kept"]), np.int64)
        elif each.name == "grid":
            values["grid"] = grid
        elif each.name == "transfers":
            values["transfers"] = Transfers(grid, values["transfers"])
        elif each.name == "filling":
            values["filling"] = Fraction(values["filling"])
        elif each.name in values:
            values[each.name] = _tuples(values[each.name])
    return kind(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
