"""Window in the displacement field of the antiferromagnetic Chern insulator at nu = -2, in all plane waves.

AFMxy, AFMz and BI are found in three bands per valley, lifted, and compared along the field (eps = 20, WANG_2023, 37
waves a layer). Printed are E(AFMz) minus the lower of the others and the edges of the window, where it changes sign:

    python scripts/chern_window.py [angle in degrees, first field, last field, step in meV [side of the mesh]]
"""

import sys
import warnings

import numpy as np

import moire as mo
from moire.hartree_fock import GroundState, MeanField, ScfSettings, in_bands, lift, solve_hartree_fock
from moire.observables import MeanFieldPoint

GUESSES = ("AFMxy", "AFMz", "layer_polarised")
BAND_SETTINGS, SETTINGS = ScfSettings(tolerance_mev=1e-4), ScfSettings(tolerance_mev=1e-2)


def states_at(twist_deg: float, displacement_mev: float, side: int) -> MeanFieldPoint:
    """The states that the guesses lead to, in all plane waves."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(twist_deg, wang.lattice_constant_nm)
    basis = mo.PlaneWaveBasis(lattice, 3)
    models = [mo.ContinuumModel(wang, basis, valley, displacement_mev=displacement_mev) for valley in (+1, -1)]
    waves = mo.plane_wave_orbitals(models, mo.MomentumGrid.regular(lattice, side, side))
    coulomb = mo.ScreenedCoulomb(epsilon_r=20, gate_distance_nm=30, layer_distance_nm=0.7)
    full = MeanField(mo.project(waves, coulomb, "hole", 2.5, "exchange"))
    few = in_bands(full, 3)
    found = [solve_hartree_fock(few, 2, guess, settings=BAND_SETTINGS) for guess in GUESSES]
    found = sorted(found, key=lambda state: (not state.converged, state.energy_per_cell))
    return MeanFieldPoint.of(20.0, lift(GroundState(tuple(found)), few, full, SETTINGS))


def main() -> None:
    """Print the energies along the field, and the edges of the window."""
    warnings.simplefilter("ignore")  # of the plane-wave cutoff, and of states that cease to exist
    twist_deg, first, last, step = (float(word) for word in sys.argv[1:5]) if len(sys.argv) > 4 else (3.0, 32, 38, 1)
    side = int(sys.argv[5]) if len(sys.argv) > 5 else 6
    fields, differences = np.arange(first, last + step / 2, step), []
    for field in fields:
        point = states_at(twist_deg, float(field), side)
        energies: dict[str, float] = {}
        for state, phase in zip(point.found.solutions, point.phases, strict=True):
            if state.converged:
                energies.setdefault(phase.name, state.energy_per_cell)
        others = [energy for name, energy in energies.items() if name != "AFMz"]
        differences.append(energies.get("AFMz", np.nan) - min(others, default=np.nan))
        listed = ", ".join(f"{name} {energy:.4f}" for name, energy in energies.items())
        print(f"{twist_deg:.2f} deg D {field:5.2f} meV: {listed}; AFMz above by {differences[-1]:+.4f}", flush=True)
    for i in np.flatnonzero(np.abs(np.diff(np.sign(differences))) == 2):
        low, high = differences[i : i + 2]
        print(f"{twist_deg:.2f} deg: an edge at D = {fields[i] + step * low / (low - high):.2f} meV")


if __name__ == "__main__":
    main()
