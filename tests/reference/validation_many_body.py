"""Ours, of many: exact diagonalization, fractional states, Hartree-Fock, and the stored phase diagram."""

from pathlib import Path

import numpy as np

import moire as mo
from moire.hartree_fock import ground_state
from moire.io import read_record
from moire.observables import entanglement_spectrum, many_body_chern, valley_polarisation
from moire.predictions import quasihole_counts
from tests.reference.ledger_models import build

PHASES = Path(__file__).parents[2] / "data" / "reference" / "hf_nu2_field_epsilon.h5"
FIELDS = (0, 10, 20, 28, 30, 40, 46, 50)
GATES = mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30)


def bare_energy(n_bands, filling):
    """REDDY_2023 at 3.0 degrees on 3x3, eps = 5, no gates: energy per hole."""
    model = build("REDDY_2023", 3.0, 6)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 3, 3), n_bands)
    problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=5, gates="none"), carrier="hole", q_cutoff=8)
    return mo.solve_all_sectors(problem, filling, n_eigenstates=1).energy_per_carrier


def wang(shape, valleys=(1,)):
    """WANG_2023 at 3.7 degrees, eps = 10, gates at 30 nm, one band."""
    models = [build("WANG_2023", 3.7, 5, valley) for valley in valleys]
    bands = mo.solve_bands(models, mo.MomentumGrid.cluster(models[0].lattice, shape), n_bands=1)
    return mo.project(bands, GATES, carrier="hole", q_cutoff=4)


def phase_diagram():
    """The stored Hartree-Fock diagram at nu = -2: gaps and boundaries along two lines."""
    columns = {key.removeprefix("hf/"): each.values for key, each in read_record(PHASES).datasets.items()}
    line = np.isclose(columns["epsilon"], 20)
    at = {round(float(field)): i for i, field in zip(np.flatnonzero(line), columns["D"][line], strict=True)}
    for field in FIELDS:
        yield f"hf/gap/{field}", float(columns["gap"][at[field]])
    yield "hf/layer polarisation", float(columns["layer_polarisation"][at[30]])
    for name, after in (("AFMz", "AFMxy"), ("BI", "AFMz")):
        fields = columns["D"][line]
        before, first = (fields[columns["phase"][line] == phase] for phase in (after, name))
        yield f"hf/onset of {name}", float((before.max() + first.min()) / 2)
    zero = columns["D"] == 0
    for name, extreme in (("AFMxy", np.max), ("QSH", np.min)):
        yield f"hf/{name} at zero field", float(extreme(columns["epsilon"][zero & (columns["phase"] == name)]))


def quick():
    """Seconds."""
    yield from phase_diagram()
    yield "bare/1 band", bare_energy(1, "-2/3")
    yield "bare/1 band at 1/3", bare_energy(1, "-1/3")
    lattice = mo.MoireLattice.from_twist(3.7, 0.352)
    for shape, n_kept in (((4, 6), 4), ([[6, 3], [-3, 3]], 3), ([[6, 3], [-3, 3]], 4)):
        cluster = mo.MomentumGrid.cluster(lattice, shape)
        yield f"counting/{cluster.n_points}/{n_kept}", int(quasihole_counts(cluster, n_kept, 3).sum())
    nine = mo.solve_all_sectors(wang((3, 3)), "-2/3", n_eigenstates=3)
    yield "3x3/levels", np.sort(nine.energies[np.isfinite(nine.energies)])[:3].tolist()
    for shape, filling in (((3, 4), "-2/3"), ((3, 5), "-2/3"), ((3, 5), "-3/5")):
        spectrum = mo.solve_all_sectors(wang(shape), filling, n_eigenstates=4)
        place = f"{shape[0]}x{shape[1]} at {filling}"
        yield f"{place}/energy", spectrum.energy_per_carrier
        yield f"{place}/splitting", spectrum.manifold.splitting
        yield f"{place}/gap", spectrum.manifold.gap
        yield f"{place}/momenta", str(list(map(list, spectrum.manifold.momenta)))


def slow():
    """Two minutes."""
    yield "bare/2 bands", bare_energy(2, "-2/3")
    yield "bare/2 bands at 1/3", bare_energy(2, "-1/3")
    yield "bare/3 bands at 1/3", bare_energy(3, "-1/3")
    twelve = wang((3, 4))
    spectrum = mo.solve_all_sectors(twelve, "-2/3", n_eigenstates=3, keep_vectors=True)
    yield "3x4/levels below the entanglement gap", entanglement_spectrum(spectrum, 2).counted
    for filling, problem, phases in (("-2/3", twelve, (6, 6)), ("-3/5", wang((3, 5)), (10, 10))):
        chern = many_body_chern(problem, filling, phases).per_state
        yield f"chern/{filling}", chern
        yield f"resistance/{filling}", 1 / abs(chern)
    flipped = mo.solve_all_sectors(wang((3, 4), (1, -1)), "-2/3", n_eigenstates=1, polarisation=[8, 6])
    yield "3x4/spin gap (K)", valley_polarisation(flipped).spin_gap_kelvin
    yield "3x4/gap (K)", spectrum.manifold.gap / mo.units.KELVIN
    for field in (0, 30):
        models = [build("WANG_2023", 3.89, 5, valley, float(field)) for valley in (1, -1)]
        bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 6, 6), n_bands=3)
        coulomb = mo.ScreenedCoulomb(epsilon_r=20, gate_distance_nm=30, layer_distance_nm=0.7)
        problem = mo.project(bands, coulomb, carrier="hole", q_cutoff=2.0, zero_momentum="exchange")
        state = ground_state(problem, 2, guesses=("AFMxy", "AFMz")).best
        yield f"hf/6x6/{field}/energy", state.energy_per_cell
        yield f"hf/6x6/{field}/gap", state.gap
