"""Time to the verdict: all diagnostics of a fractional Chern insulator, and spectra along a line of angles.

For each cluster, part by part: processor time, products and sectors solved by `fci_report`, then the same with every
phase solved from random vectors, without related phases and to the tolerance, as reference; the two reports are
compared line by line. Then spectra of 4x5 at -3/5 at several angles, each from random vectors and each from those of
the angle before.

Run: python -m benchmarks.verdict [cluster ...], such as 21 4x6 4x5 27; add `after` to leave out the reference.
"""

import contextlib
import difflib
import importlib
import resource
import sys
import time
from collections import defaultdict
from unittest import mock

import numpy as np

import moire as mo
from moire.exact_diagonalization import MomentumSector, all_sectors
from moire.observables import carried_vectors, fci_report
from moire.orbitals import Species

CLUSTERS = {
    "18": ([3, 6], "-2/3"),
    "21": ([[5, 1], [-1, 4]], "-2/3"),
    "4x6": ([4, 6], "-2/3"),
    "4x5": ([4, 5], "-3/5"),
    "27": ([[3, -3], [3, 6]], "-2/3"),
}
ANGLES_DEG = (3.4, 3.5, 3.6, 3.7)
OBSERVABLES = "moire.observables."
REPORT = importlib.import_module(OBSERVABLES + "fci_report")
PARTS = (
    "solve_all_sectors",
    "spectral_flow",
    "many_body_chern",
    "charge_gap",
    "entanglement_spectrum",
    "structure_factor",
    "momentum_occupation",
    "quantum_weight",
)


def problem_on(shape, twist_deg=3.7):
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(twist_deg, wang.lattice_constant_nm)
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5))
    bands = mo.solve_bands(model, mo.MomentumGrid.cluster(lattice, shape), n_bands=1)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30))


class Account:
    """Processor time, products and iterative sectors of each part of a report."""

    def __init__(self):
        self.rows, self.total = defaultdict(lambda: np.zeros(3)), np.zeros(3)

    def sector(self, solve):
        def solved(*arguments, **options):
            found = solve(*arguments, **options)
            self.total += (0, found.n_products, found.n_products > 0)
            return found

        return solved

    def part(self, name, compute):
        def computed(*arguments, **options):
            start, before = time.process_time(), self.total.copy()
            found = compute(*arguments, **options)
            self.rows[name] += self.total - before + (time.process_time() - start, 0, 0)
            return found

        return computed

    @contextlib.contextmanager
    def open(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(all_sectors, "solve_sector", self.sector(all_sectors.solve_sector)))
            for name in PARTS:
                stack.enter_context(mock.patch.object(REPORT, name, self.part(name, getattr(REPORT, name))))
            yield


@contextlib.contextmanager
def from_random_vectors():
    """Every phase by itself and to the tolerance: what the report did before its phases were related."""
    manifold = importlib.import_module(OBSERVABLES + "manifold_at_phases")
    spectra = importlib.import_module(OBSERVABLES + "phase_spectra")
    gaps = importlib.import_module(OBSERVABLES + "charge_gap")
    with contextlib.ExitStack() as stack:
        for module, name, value in (
            (manifold, "REACH", -1.0),
            (manifold, "relations", lambda *_: []),
            (spectra, "vector_tolerance", lambda tolerance: tolerance),
            (spectra, "BOUNDED_MEV", 0.0),
            (gaps, "BOUNDED_MEV", 0.0),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        yield


def report_on(name, reference):
    shape, filling = CLUSTERS[name]
    problem, account = problem_on(shape), Account()
    start = time.process_time(), time.perf_counter()
    with account.open(), from_random_vectors() if reference else contextlib.nullcontext():
        report = fci_report(problem, filling)
    cpu, wall = time.process_time() - start[0], time.perf_counter() - start[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{problem.grid.name} at {filling}, {'every phase by itself' if reference else 'related phases and starts'}"
    )
    for part, (seconds, products, sectors) in account.rows.items():
        print(
            f"{part:>24} {seconds:9.2f} s {100 * seconds / cpu:5.1f} % {products:8.0f} products {sectors:5.0f} sectors"
        )
    print(
        f"{'total':>24} {cpu:9.2f} s {account.total[1]:15.0f} products; wall {wall:.1f} s, peak {peak:.0f} MiB",
        flush=True,
    )
    return str(report)


def spectra_along_a_line(name="4x5", n_eigenstates=4):
    shape, filling = CLUSTERS[name]
    warm = None
    print(
        f"\nspectra of {name} at {filling}: products from random vectors and from the angle before, largest difference"
    )
    for twist_deg in ANGLES_DEG:
        problem = problem_on(shape, twist_deg)
        cold = mo.solve_all_sectors(problem, filling, n_eigenstates)
        warm = follow(problem, filling, n_eigenstates, warm)
        spectrum = warm[1]
        apart = np.nanmax(np.abs(spectrum.energies - cold.energies))
        print(f"{twist_deg:>24} {cold.n_products.sum():8d} {spectrum.n_products.sum():8d} {apart:.1e} meV", flush=True)


def follow(problem, filling, n_eigenstates, before):
    """The problem and its spectrum, started from the vectors of the problem before."""

    def start(label):
        if before is None:
            return None
        source, spectrum = before
        species = Species(problem.orbitals, spectrum.transformed)
        sector = MomentumSector(problem.orbitals, spectrum.numbers(0), species.momentum(problem.grid.index_of(label)))
        vectors = spectrum.vectors[spectrum.labels.index(label)]
        bands = source.bands, problem.bands
        return carried_vectors(vectors, sector, species.missing, *bands, problem.carrier)

    return problem, mo.solve_all_sectors(problem, filling, n_eigenstates, keep_vectors=True, start=start)


if __name__ == "__main__":
    asked = sys.argv[1:] or ["21", "4x5", "line"]
    for name in [word for word in asked if word in CLUSTERS]:
        after = report_on(name, reference=False)
        if "after" not in asked:
            before = report_on(name, reference=True)
            lines = difflib.unified_diff(before.split("\n"), after.split("\n"), "by itself", "related", "", "", 0, "")
            print("\n".join(lines) or "the same report")
    if "line" in asked:
        spectra_along_a_line()
