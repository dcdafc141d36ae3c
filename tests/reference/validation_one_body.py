"""Ours, of one body: bands, magic angles, Chern numbers, geometry, transitions, indices, and small models."""

import numpy as np

import moire as mo
from moire.models import ChiralMultilayer, HaldaneModel, KaneMeleModel, MassiveDirac
from moire.topology import Disk, find_gap_closing, find_magic_angle, interband_index, z2_index
from tests.reference.ledger_models import build

CORNERS = {"gamma": (0, 0), "kappa": (2, 2), "m": (3, 0)}  # labels on 6x6
SUMMARIES = [("WANG_2023", 2.0), ("WANG_2023", 3.0), ("WANG_2023", 3.89), ("REDDY_2023", 2.0), ("REDDY_2023", 3.0)]


def on_mesh(model, n, n_bands):
    return mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, n, n), n_bands)


def chern_of(bands, band):
    return mo.topology.chern_number(bands, [band]).rounded


def quick():
    """Seconds."""
    for name, twist in (("WANG_2023", 3.89), ("REDDY_2023", 3.0), ("WU_2019", 1.2)):
        bands = on_mesh(build(name, twist, 6), 6, 3)
        for corner, label in CORNERS.items():
            yield f"{name}/{twist}/{corner}", bands.energies[0, bands.grid.index_of(label)].tolist()
    dirac = {"velocity_mev_nm": 658.0, "mass_mev": 50.0, "valley": +1}
    small = Disk((0.0, 0.0), 0.3)
    yield "index/1", interband_index(MassiveDirac(**dirac), small, 0, 1).rounded
    for n in (2, 3):
        model = ChiralMultilayer(n_layers=n, coupling_mev=380.0, **dirac)
        yield f"index/{n}", interband_index(model, small, 0, 1).rounded
    haldane = find_gap_closing(lambda mass: HaldaneModel(0.25, 1000.0, 200.0, 90.0, mass), (900.0, 1200.0), 0, n_mesh=6)
    yield "haldane/critical mass", haldane.value
    yield "haldane/chern", abs(chern_of(on_mesh(HaldaneModel(0.25, 1000.0, 130.0, 90.0, 200.0), 24, 2), 0))
    for ratio in (0.9, 1.1):
        model = KaneMeleModel(0.25, 1000.0, 100.0, ratio * 3 * np.sqrt(3) * 100.0)
        yield f"kane-mele/{ratio}", int(z2_index(on_mesh(model, 36, 4), [0, 1]).value)


def slow():
    """A minute."""
    for name, twist in SUMMARIES:
        bands = on_mesh(build(name, twist, 6), 18, 3)
        place = f"{name}/{twist}"
        yield f"{place}/W1", bands.width(0)
        yield f"{place}/gap12", bands.gap(0)
        if twist == 3.89:
            yield f"{place}/direct gap", bands.direct_gap(0)
            yield f"{place}/W2", bands.width(1)
        fine = on_mesh(build(name, twist, 6), 36, 3)
        if (name, twist) in (("WANG_2023", 3.89), ("REDDY_2023", 3.0)):
            geometry = mo.topology.quantum_geometry(fine, [0])
            yield f"{place}/quantum weight", geometry.quantum_weight
            if name == "WANG_2023":
                yield f"{place}/curvature fluctuation", geometry.curvature_fluctuation
        yield f"{place}/chern", [chern_of(fine, band) for band in range(3)]
    for name, twist in (("XU_2024", 1.89), ("JIA_2023_FIRST_HARMONIC", 2.0)):
        bands = on_mesh(build(name, twist, 6), 24, 2)
        first, second = (chern_of(bands, band) for band in (0, 1))
        yield f"{name}/{twist}/chern", [abs(first), first * second]
    for name, bracket in (("WANG_2023", (2.8, 3.2)), ("REDDY_2023", (1.4, 1.7)), ("WU_2019", (1.25, 1.45))):
        yield f"{name}/flattest", find_magic_angle(mo.parameters.published(name), bracket, n_mesh=12, n_scan=5).value
    yield "DEVAKUL_2021/flattest", find_magic_angle(mo.parameters.DEVAKUL_2021, (1.35, 1.5), n_mesh=6, n_scan=5).value
    for twist, bracket in ((3.0, (6.0, 10.0)), (3.5, (14.0, 18.0)), (3.89, (22.0, 26.0))):
        family = mo.topology.displacement_family(mo.parameters.WANG_2023, twist, plane_wave_shells=4)
        yield f"WANG_2023/{twist}/closing", find_gap_closing(family, bracket, 0, n_mesh=6).value
