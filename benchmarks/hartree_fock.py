"""Hartree-Fock of three bands in both valleys: projection, mean field, Fock build, converged state, enlarged cell.

The limits are measured in the same run: a Fock build reads the exchange matrices once, so that it is compared with the
rate at which a long dot product reads memory; building the matrices is compared with a zgemm of 1000 x 1000. Each
time is given on the wall and on all cores together: the second one does not suffer from a busy machine.
Run: python benchmarks/hartree_fock.py [sides of the mesh, 12 18 by default]
"""

import sys
import time

import numpy as np

import moire as mo
from moire import hartree_fock as hf
from moire.resources import human_bytes, set_threads, threads


def timed(action, repeats=3):
    """Return the result, and the smallest wall and processor times in seconds."""
    wall, cores = [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        result = action()
        wall.append(time.perf_counter() - start[0])
        cores.append(time.process_time() - start[1])
    return result, min(wall), min(cores)


def bandwidth():
    first, second = np.ones((2, 10_000_000))
    return (first.nbytes + second.nbytes) / timed(lambda: first @ second, 11)[2]


def zgemm_rate(size=1000):
    matrix = np.random.default_rng(0).standard_normal((2, size, size)) + 0j
    return 8 * size**3 / timed(lambda: matrix[0] @ matrix[1])[2]


def flops(problem, n_blocks):
    """Arithmetic of the exchange matrices: overlaps of every tile, and one product per pair of momenta."""
    form, n_b = problem.form_factors, problem.bands.n_bands
    inside = (form.bands.models[0].basis.shift(form.umklapps) >= 0).sum(axis=1)
    blocks = form.momentum_blocks()
    overlaps = 0
    for i, rows in enumerate(blocks):
        for columns in blocks[i:]:
            waves = int(inside[form.shifts_between(rows, columns)].sum())
            overlaps += 2 * 2 * 8 * n_b**2 * len(rows) * len(columns) * waves  # flavours, layers
    pairs = form.transfers.size * form.transfers.grid.n_points
    return overlaps + n_blocks * 8 * n_b**4 * pairs * 2 / 2  # layers, Hermitian


def line(name, wall, cores, note=""):
    print(f"{name:>28} {wall * 1e3:10.2f} ms {cores * 1e3:10.2f} ms on the cores  {note}")


def report(models, side):
    coulomb = mo.ScreenedCoulomb(epsilon_r=20, gate_distance_nm=30, layer_distance_nm=0.7)
    grid = mo.MomentumGrid.regular(models[0].lattice, side, side)
    rate, peak = bandwidth(), zgemm_rate()
    print(
        f"{side}x{side}, 3 bands x 2 valleys, {threads()} threads; one core reads {rate / 1e9:.1f} GB/s "
        f"and multiplies {peak / 1e9:.0f} Gflop/s"
    )
    bands, *times = timed(lambda: mo.solve_bands(models, grid, n_bands=3), 1)
    line("bands", *times)
    problem, *projection = timed(lambda: mo.project(bands, coulomb, "hole", 2.0, "exchange"))
    line("projection", *projection)
    mean_field, *build = timed(lambda: hf.MeanField(problem))
    exchange = mean_field.exchange
    work = flops(problem, len(exchange.blocks))
    note = f"{work / 1e9:.1f} Gflop, {work / build[1] / peak:.0%} of zgemm, {human_bytes(exchange.n_bytes)}"
    line("mean field", *build, note)
    _, *times = timed(lambda: mean_field.rescaled(10.0))
    line("at another epsilon", *times)
    noise = np.random.default_rng(1).standard_normal((2, *mean_field.shape))
    noise = noise[0] + 1j * noise[1]
    density_matrix = hf.occupy(noise + noise.conj().swapaxes(1, 2), 2 * side**2).density_matrix
    _, *times = timed(lambda: mean_field(density_matrix), 11)
    reads = exchange.n_bytes / times[1]
    line("Fock build", *times, f"reads {reads / 1e9:.1f} GB/s, {reads / rate:.0%} of a dot product")
    for guess in ("AFMxy", "AFMz", "random"):
        state, *times = timed(lambda guess=guess: hf.solve_hartree_fock(mean_field, 2, guess), 1)
        line(f"converged {guess}", *times, f"{state.n_iterations} iterations, gap {state.gap:.3f} meV")
    total = [sum(parts) for parts in zip(projection, build, times, strict=True)]
    line("projection to random state", *total)
    large, *times = timed(lambda: hf.MeanField(problem, "sqrt3"), 1)
    note = f"{times[1] / build[1]:.1f} times the unit cell, {human_bytes(large.exchange.n_bytes)}"
    line("mean field, sqrt3 x sqrt3", *times, note)


def main():
    set_threads(threads())
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
    basis = mo.PlaneWaveBasis(lattice, 5)
    models = [mo.ContinuumModel(wang, basis, valley) for valley in (+1, -1)]
    smallest = mo.solve_bands(models, mo.MomentumGrid.regular(lattice, 2, 2), 3)
    hf.MeanField(mo.project(smallest, mo.ScreenedCoulomb(epsilon_r=20), "hole", 1.0))  # compiles
    for side in [int(argument) for argument in sys.argv[1:]] or [12, 18]:
        report(models, side)


if __name__ == "__main__":
    main()
