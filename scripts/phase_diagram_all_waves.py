"""Phase diagram at nu = -2 in all plane waves, where three bands per valley leave the phase open.

A cell of the stored table is solved again in all plane waves if its next phase lies within 1.5 meV per cell (the bands
left out move a difference by up to 1.1 at eps = 13.5), or if a neighbour has another phase. Only eps below 27 counts:
beyond, gaps are small and 6 x 6 moves the lines by itself, with three bands too. The states tried are those
named in the cell and in its neighbours, found in three bands and lifted. Other cells keep their row. Finished cells are
skipped, and any number of processes may share the work, each with another number:

    python scripts/phase_diagram_all_waves.py results/all_waves 0 2 & python scripts/phase_diagram_all_waves.py \
        results/all_waves 1 2
    python scripts/phase_diagram_all_waves.py results/all_waves           # writes results/all_waves/table.h5
    python scripts/phase_diagram_all_waves.py results/all_waves check 12  # cells with another phase again, on 12 x 12
"""

import json
import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np

import moire as mo
from moire.hartree_fock import GroundState, MeanField, ScfSettings, in_bands, lift, solve_hartree_fock
from moire.io import Dataset, Record, read_record, write_record
from moire.observables import MeanFieldPoint

STORED = Path(__file__).parents[1] / "data" / "reference" / "hf_nu2_field_epsilon.h5"
OPEN_MEV, LARGEST_EPSILON = 1.5, 27.0
SIDE, SHELLS, N_BANDS, Q_CUTOFF = 6, 3, 3, 2.5
BAND_SETTINGS, SETTINGS = ScfSettings(tolerance_mev=1e-4), ScfSettings(tolerance_mev=1e-2)
GUESSES = {"AFMxy": "AFMxy", "IVC": "AFMxy", "AFMz": "AFMz", "QAH": "valley_polarised", "VP": "valley_polarised"}


def stored_cells() -> dict[tuple[float, float], dict[str, object]]:
    """Rows of the stored table on its regular grid, by (D, eps)."""
    columns = {name.removeprefix("hf/"): data.values for name, data in read_record(STORED).datasets.items()}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {(row["D"], row["epsilon"]): row for row in rows if row["D"] % 2 == 0}


def open_cells(cells: dict[tuple[float, float], dict[str, object]]) -> dict[tuple[float, float], set[str]]:
    """Phases to try in each cell that three bands leave open."""
    fields, constants = (sorted({key[axis] for key in cells}) for axis in (0, 1))
    steps = [((a, e), (b, e)) for a, b in pairwise(fields) for e in constants]
    steps += [((d, a), (d, b)) for a, b in pairwise(constants) for d in fields]
    tried = {key: {str(row["phase"])} for key, row in cells.items()}
    for first, second in steps:
        for cell, other in ((first, second), (second, first)):
            tried[cell].add(str(cells[other]["phase"]))
    for key, row in cells.items():
        if row["margin"] < OPEN_MEV:
            tried[key].add(str(row["runner_up"]))
    return {key: phases for key, phases in tried.items() if len(phases) > 1 and key[1] < LARGEST_EPSILON}


def solve(cell: tuple[float, float], phases: set[str], full: MeanField, few: MeanField) -> dict[str, object]:
    """The row of a cell."""
    start = time.process_time()
    full, few = full.rescaled(cell[1]), few.rescaled(cell[1])
    guesses = sorted({GUESSES.get(phase, "layer_polarised") for phase in phases})
    found = [solve_hartree_fock(few, 2, guess, settings=BAND_SETTINGS) for guess in guesses]
    found = sorted(found, key=lambda state: (not state.converged, state.energy_per_cell))
    point = MeanFieldPoint.of(cell[1], lift(GroundState(tuple(found)), few, full, SETTINGS))
    best, moments = point.best, point.best.moments
    name, margin = point.runner_up
    return {
        "D": cell[0],
        "epsilon": cell[1],
        "phase": point.phase.name,
        "runner_up": name,
        "margin": margin,
        "energy_per_cell": best.energy_per_cell,
        "gap": best.gap,
        "chern": point.phase.chern.value if point.phase.chern else float("nan"),
        "coherence": moments.coherence,
        "layer_polarisation": moments.layer_polarisation,
        "valley_polarisation": moments.valley_polarisation,
        "staggered_moment": moments.staggered_out_of_plane,
        "converged": best.converged,
        "cluster": best.problem.grid.name,
        "cpu_s": time.process_time() - start,
    }


def mean_fields(displacement_mev: float, side: int = SIDE) -> tuple[MeanField, MeanField]:
    """The mean field in all plane waves and in three bands."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
    basis = mo.PlaneWaveBasis(lattice, SHELLS)
    models = [mo.ContinuumModel(wang, basis, valley, displacement_mev=displacement_mev) for valley in (+1, -1)]
    waves = mo.plane_wave_orbitals(models, mo.MomentumGrid.regular(lattice, side, side))
    coulomb = mo.ScreenedCoulomb(epsilon_r=20, gate_distance_nm=30, layer_distance_nm=0.7)
    full = MeanField(mo.project(waves, coulomb, "hole", Q_CUTOFF, "exchange"))
    return full, in_bands(full, N_BANDS)


def finished(folder: Path) -> dict[tuple[float, float], dict[str, object]]:
    """Rows written so far."""
    lines = [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return {(row["D"], row["epsilon"]): row for row in lines if row["epsilon"] < LARGEST_EPSILON}


def write_table(folder: Path, cells: dict[tuple[float, float], dict[str, object]]) -> None:
    """Write all rows, those of three bands where these decide, and print how many phases change."""
    own, stored = finished(folder), read_record(STORED)
    rows = [cells[key] | own.get(key, {}) for key in sorted(cells, key=lambda key: (key[1], key[0]))]
    datasets = {
        name: Dataset(np.array([row[name.removeprefix("hf/")] for row in rows]), data.unit, data.dims, data.doc)
        for name, data in stored.datasets.items()
    }
    everywhere = np.array([(row["D"], row["epsilon"]) in own for row in rows])
    datasets["hf/all_waves"] = Dataset(everywhere, "", ("point",), "solved in all plane waves, others in three bands")
    write_record(folder / "table.h5", Record("summary", datasets, stored.attributes))
    changed = [key for key, row in own.items() if row["phase"] != cells[key]["phase"]]
    cost = sum(float(row["cpu_s"]) for row in own.values())
    print(f"{len(own)} of {len(cells)} cells in all plane waves, {len(changed)} with another phase; {cost:.0f} s")
    for key in sorted(changed):
        row = own[key]
        print(f"D {key[0]:4.0f} eps {key[1]:6.2f}: {cells[key]['phase']} -> {row['phase']}, margin {row['margin']:.4f}")


def check(folder: Path, cells: dict[tuple[float, float], dict[str, object]], side: int) -> None:
    """Solve the cells whose phase changed again on another mesh, and print both."""
    todo, own = open_cells(cells), finished(folder)
    target = folder / f"check-{side}.txt"
    known = target.read_text() if target.exists() else ""
    for cell in sorted(key for key, row in own.items() if row["phase"] != cells[key]["phase"]):
        name = f"D {cell[0]:4.0f} eps {cell[1]:6.2f}:"
        if name not in known:
            row, first = solve(cell, todo[cell], *mean_fields(float(cell[0]), side)), own[cell]
            line = (
                f"{name} {first['phase']} ({first['margin']:.3f}), {side}x{side} {row['phase']} ({row['margin']:.3f})"
            )
            with target.open("a") as lines:
                print(line, file=lines)
            print(line, flush=True)


def main() -> None:
    """Solve the open cells of this process, or write the table, or check what changed on another mesh."""
    warnings.simplefilter("ignore")  # of the plane-wave cutoff, and of states that cease to exist
    folder, cells = Path(sys.argv[1]), stored_cells()
    if len(sys.argv) < 4:
        write_table(folder, cells)
        return
    if sys.argv[2] == "check":
        check(folder, cells, int(sys.argv[3]))
        return
    part, n_parts = int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    todo = open_cells(cells)
    order = [
        set(),
        set(),
        set(),
    ]  # first one step of the field below a line, where three bands are late; then strong coupling
    for cell in todo:
        late = cells.get((cell[0] + 2, cell[1]), cells[cell])["phase"] != cells[cell]["phase"]
        strong = cell[1] <= 20 and "AFMz" in todo[cell] and cells[cell]["phase"] == "AFMxy"
        order[0 if late else 1 if strong else 2].add(cell)
    steps = [(chosen, field) for chosen in order for field in sorted({cell[0] for cell in chosen})]
    for chosen, field in steps[part::n_parts]:
        own = sorted(cell for cell in chosen if cell[0] == field and cell not in finished(folder))
        fields = mean_fields(float(field)) if own else ()
        for cell in own:
            row = solve(cell, todo[cell], *fields)
            with (folder / f"{part}.jsonl").open("a") as lines:
                lines.write(json.dumps(row, default=lambda value: value.item()) + "\n")


if __name__ == "__main__":
    main()
