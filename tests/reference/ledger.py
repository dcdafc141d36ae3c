"""Numbers from every room of the package, printed with all digits: what a move of code must not change.

``python -m tests.reference.ledger`` prints them beside the stored ones, ``--write`` stores them.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np

import moire as mo
from moire.exact_diagonalization import PairHamiltonian, composite_fermi_liquid
from moire.hartree_fock import excitations, ground_state, interpolate_bands
from moire.io import write_diagham, write_fcidump
from tests.reference.ledger_models import build, cluster_problem, mean_field_problem

STORED = Path(__file__).with_name("ledger.json")


def one_body():
    """Bands, curvature, geometry, Wilson loops, symmetry and the interband index."""
    model = build("WANG_2023", 3.89, displacement_mev=4.0)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 6, 6), n_bands=3)
    yield "bands/sum of energies", bands.energies.sum()
    yield "bands/width 0", bands.width(0)
    yield "bands/direct gap 0", bands.direct_gap(0)
    second = build("XU_2024", 2.5)
    yield "bands/second harmonics", mo.solve_bands(second, mo.KPath.through(second.lattice), 2).energies.sum()
    prime = build("WANG_2023", 3.89, valley=-1, displacement_mev=4.0)
    both = mo.solve_bands((model, prime), bands.grid, n_bands=2)
    yield "bands/both valleys", both.energies[1, :, 1].sum()
    velocity = model.velocity(np.array([0.3, 0.2]))
    yield "bands/velocity", float((np.abs(velocity) ** 2).sum())
    chern = mo.topology.chern_number(bands, [0])
    yield "topology/chern", chern.value
    yield "topology/smallest link", chern.min_link
    yield "topology/largest flux", float(np.abs(chern.flux).max())
    yield "topology/curvature", mo.topology.berry_curvature(bands, [1]).chern
    geometry = mo.topology.quantum_geometry(bands, [0])
    yield "topology/metric", float(np.einsum("kaann->", geometry.tensor).real)
    yield "topology/wilson", float(np.cos(mo.topology.wilson_loops(bands, [0, 1]).phases).sum())
    haldane = mo.models.HaldaneModel(0.246, 1000.0, 200.0, 90.0, 100.0)
    sheet = mo.solve_bands(haldane, mo.MomentumGrid.regular(haldane.lattice, 9, 9), 2)
    yield "topology/haldane flux", float(np.abs(mo.topology.chern_number(sheet, [0]).flux).max())
    disk = mo.topology.Disk((0.0, 0.0), 0.2)
    index = mo.topology.interband_index(build("WANG_2023", 3.89), disk, 0, 1)
    yield "topology/interband index", index.value


def many_body():
    """Spectra of holes and electrons, symmetric and tilted clusters, and everything read from their states."""
    problem = cluster_problem((3, 4), 3.7)
    spectrum = mo.solve_all_sectors(problem, "-2/3", n_eigenstates=3, keep_vectors=True)
    yield "ed/3x4 ground energy", spectrum.ground_energy
    yield "ed/3x4 sum of levels", np.nansum(spectrum.energies)
    yield "ed/3x4 gap", spectrum.manifold.gap
    lanczos = mo.solve_all_sectors(
        cluster_problem((3, 5), 3.7), "-3/5", 2, settings=mo.SpectrumSettings(solver="lanczos", storage="matrix-free")
    )
    yield "ed/3x5 lanczos", np.nansum(lanczos.energies)
    tilted = cluster_problem([[4, 2], [-2, 2]], 3.5, zero_momentum="exchange", reference="average")
    yield "ed/tilted, average reference", mo.solve_all_sectors(tilted, "-1/3", 2).ground_energy
    twisted = cluster_problem((2, 4), 3.5, carrier="electron", zero_momentum="keep", boundary_phase=(0.25, 0.4))
    half = mo.solve_all_sectors(twisted, "1/2", 2)
    yield "ed/electrons with a boundary phase", np.nansum(half.energies)
    fermi_liquid = composite_fermi_liquid(mo.solve_all_sectors(cluster_problem((4, 4), 3.7), "-1/2", 4))
    yield "ed/composite fermions", fermi_liquid.gap
    transformed = PairHamiltonian.from_problem(problem).particle_hole_transformed()
    yield "ed/constant of missing carriers", transformed.constant
    yield "ed/one body of missing carriers", transformed.levels.sum()
    occupation = mo.observables.momentum_occupation(spectrum)
    yield "observables/n(k)", float((occupation.mean**2).sum())
    structure = mo.observables.structure_factor(spectrum, problem)
    yield "observables/projected S", float((structure.projected**2).sum())
    yield "observables/full S", float((structure.full**2).sum())
    yield "observables/g(0)", float(mo.observables.pair_correlation(structure).values[0, 0])
    yield "observables/quantum weight", mo.observables.quantum_weight(structure, problem).value
    cut = mo.observables.entanglement_spectrum(spectrum, 2)
    yield "observables/entanglement", float(-(np.log(cut.eigenvalues[cut.eigenvalues > 1e-12])).sum())
    yield "observables/charge gap", mo.observables.charge_gap(problem, "-2/3").charge_gap
    small = cluster_problem((2, 3), 3.7, reference="average")
    flow = mo.observables.spectral_flow(small, "-1/3", 1, n_steps=4)
    yield "observables/spectral flow", float(np.nansum(flow.energies))
    chern = mo.observables.many_body_chern(cluster_problem((2, 3), 3.7), "-2/3", (6, 6))
    yield "observables/many-body chern", chern.value
    yield "observables/many-body smallest link", chern.min_link
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("interaction", "levels", "fcidump")]
        pairs = PairHamiltonian.from_problem(problem)
        write_diagham(pairs, files[0], files[1])
        write_fcidump(pairs, files[2], 8)
        parts = re.findall(r"\((\S+),(\S+)\)", files[0].read_text())
        yield "exports/DiagHam elements", float(sum(abs(complex(float(real), float(imag))) for real, imag in parts))
        yield "exports/FCIDUMP lines", float(len(files[2].read_text().splitlines()))


def mean_field():
    """Hartree-Fock: energies, gaps, moments, interpolated bands and excitations."""
    for field in (0.0, 15.0):
        best = ground_state(mean_field_problem(field), -2, guesses=("AFMxy", "AFMz")).best
        yield f"hf/energy at D = {field:g}", best.energy_per_cell
        yield f"hf/gap at D = {field:g}", best.gap
    yield "hf/layer polarisation at D = 15", best.moments.layer_polarisation
    yield "hf/chern", mo.topology.chern_number(best.bands, list(best.filled_bands)).max_flux
    polarised = ground_state(mean_field_problem(0.0), -1, guesses=("valley_polarised",)).best
    yield "hf/polarised energy", polarised.energy_per_cell
    yield "hf/magnon", float(excitations(polarised, n_modes=1).energies.sum())
    path = mo.KPath.through(polarised.problem.grid.lattice, points_per_segment=4)
    yield "hf/interpolated bands", float(interpolate_bands(polarised, path).energies.sum())


def numbers():
    """All of them, by name."""
    return {name: float(value) for room in (one_body, many_body, mean_field) for name, value in room()}


def main():
    found = numbers()
    stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
    for name, value in found.items():
        before = stored.get(name, float("nan"))
        same = "same bits" if before == value else f"{abs(value - before) / max(abs(before), 1e-300):.1e}"
        print(f"{name:45} {value:+.15e}  {same}")
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
