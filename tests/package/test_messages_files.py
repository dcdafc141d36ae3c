"""Every kind of refusal of plans, files and commands, as one exact sentence."""
# ruff: noqa: E501 - one case a line reads best

from pathlib import Path

import pytest

import moire as mo
from moire.cli import cli
from moire.io import (
    Record,
    bands_record,
    check_folder,
    check_schema,
    check_target,
    hamiltonian_record,
    read_fcidump,
    read_hamiltonian,
    read_record,
    write_fcidump,
    write_record,
)
from moire.report.figures import check_figure_name, draw_file
from moire.sweep import ResultsFolder, collect, read_plan, refine_boundaries
from tests.message_cases import GRID, INF, NAN, PATH, bands, model_table, pair_hamiltonian, plan, requests


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with files of every wrong kind."""
    folder = tmp_path_factory.mktemp("messages")
    for name in ("full", "marked"):
        (folder / name).mkdir()
    texts = {
        "notes.txt": "mine",
        "full/notes.txt": "mine",
        "marked/moire.json": "{",
        "broken.toml": "= 3",
        "narrow": "1.0 2 3\n",
        "small": "&FCI NORB=2,NELEC=0,MS2=0,\n&END\n(1.0,0.0) 0 0 0 0\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    write_record(folder / "grid.h5", Record("grid", {}, {}))
    return folder


def command(*arguments):
    cli.main([str(argument) for argument in arguments], standalone_mode=False)


CASES = [
    # plans
    (lambda: plan(model=3), "`model` must be a table, but is 3."),
    (lambda: model_table(twist_deg="wide"), "`model.twist_deg` must be a number, a list, or a table with finite start <= stop and step >= 1e-9, but is 'wide'."),
    (lambda: model_table(twist_deg=[]), "`model.twist_deg` must hold at least one value, but is []."),
    (lambda: model_table(twist_deg=["a"]), "`model.twist_deg.0` must be a number, but is 'a'."),
    (lambda: model_table(twist_deg={"start": 3, "stop": INF, "step": 1}), "`model.twist_deg` must be a number, a list, or a table with finite start <= stop and step >= 1e-9, but is { start = 3, stop = inf, step = 1 }."),
    (lambda: model_table(twist_deg={"start": "a", "stop": 3, "step": 1}), "`model.twist_deg` must be a number, a list, or a table with finite start <= stop and step >= 1e-9, but is { start = 'a', stop = 3, step = 1 }."),
    (lambda: model_table(valley="K"), "`model.valley` must be an integer, but is 'K'."),
    (lambda: model_table(valley=1.5), "`model.valley` must be an integer, but is 1.5."),
    (lambda: model_table(parameter_set=5), "`model.parameter_set` must be a text in quotes or a table, but is 5."),
    (lambda: model_table(twist=3), "`model.twist` is not a key of a plan; did you mean 'twist_deg'?"),
    (lambda: plan(tasks="bands"), "`tasks` must be a list, but is 'bands'."),
    (lambda: plan(tasks=["bandz"]), "`tasks.0` must be 'bands', 'chern', 'topology', 'hf', 'ed' or 'fci', but is 'bandz'."),
    (lambda: plan(bands={"mesh": [18]}), "`bands.mesh` must hold two values, but is [18]."),
    (lambda: plan(bands={"mesh": [18, 18, 18]}), "`bands.mesh` must hold two values, but is [18, 18, 18]."),
    (lambda: plan(bands={"mesh": 18}), "`bands.mesh` must be a list, but is 18."),
    (lambda: plan(bands=5), "`bands` must be a table, but is 5."),
    (lambda: plan(hf={"filling": "-2"}), "`hf` must be a list of tables, [[hf]], but is { filling = '-2' }."),
    (lambda: plan(hf=[{"supercell": "2x2"}]), "`hf.0.supercell` must be '' or 'sqrt3', or [[a, b], [c, d]], but is '2x2'."),
    (lambda: plan(refine={"min_step": NAN}), "`refine.min_step` must be greater than 0, but is nan."),
    (lambda: plan(ed=[{"filling": "1/3"}]), "`ed.0.cluster` must be given, but is missing."),
    (lambda: plan(fci=[{"cluster": [3, 4], "filling": "1/3", "with_charge_gap": "maybe"}]), "`fci.0.with_charge_gap` must be true or false, but is 'maybe'."),
    (lambda: plan(name="../other"), "`name` must be a plain folder name, without path separators or '..', but is '../other'."),
    (lambda: requests(refine={}), "`refine.task` must be one of the tasks of the plan, bands, chern, but is 'hf'."),
    (lambda: requests(tasks=["ed"]), "`ed` must list at least one [[ed]] table, but is empty."),
    (lambda: requests(bands={"points_per_segment": 0}), "`bands.points_per_segment` must be at least 1, but is 0."),
    (lambda: requests(bands={"n_bands": 500}), "`bands.n_bands` must lie in 1..182, the dimension of H(k) at 5 shells, but is 500."),
    (lambda: requests(chern={"bands": [[0], [-1]]}), "`chern.bands` must hold groups of different bands, counted from 0, but holds [-1]."),
    (lambda: requests(chern={"mesh": [1, 6]}), "`chern.mesh` must have at least 2 points each way, but is [1, 6]."),
    (lambda: requests(tasks=["topology"], topology={"mesh": [5, 6]}), "`topology.mesh` must be even along b_1, as Z2 needs, but is [5, 6]."),
    (lambda: requests(tasks=["topology"], topology={"mesh": [1, 6]}), "`topology.mesh` must have at least 2 points each way, but is [1, 6]."),
    (lambda: requests(tasks=["topology"], topology={"index_radius": NAN}), "`topology.index_radius` must be finite, but is nan."),
    (lambda: requests(tasks=["hf"], hf=[{"n_modes": -1}]), "`hf.0.n_modes` must be at least 0, but is -1."),
    (lambda: requests(tasks=["hf"], hf=[{"tolerance_mev": NAN}]), "`hf.0.tolerance_mev` must be finite, but is nan."),
    (lambda: requests(tasks=["hf"], hf=[{"temperature_mev": INF}]), "`hf.0.temperature_mev` must be finite, but is inf."),
    (lambda: requests(tasks=["fci"], fci=[{"cluster": [3, 4], "filling": "1/3", "n_kept": 5}]), "`fci.0.n_kept` must be -1 (automatic), 0 (none) or at most 4, the minority, but is 5."),
    (lambda: requests(tasks=["fci"], fci=[{"cluster": [3, 4], "filling": "1/3", "flux_directions": [3]}]), "`fci.0.flux_directions` must name directions 1 or 2, but names 3."),
    (lambda: requests(tasks=["fci"], fci=[{"cluster": [3, 4], "filling": "1/3", "n_flux_steps": 1}]), "`fci.0.n_flux_steps` must be at least 2, but is 1."),
    (lambda: requests(tasks=["fci"], fci=[{"cluster": [3, 4], "filling": "1/3", "phase_mesh": [1, 6]}]), "`fci.0.phase_mesh` must have sides of at least 2, or be 0x0 for none, but is [1, 6]."),
    (lambda: requests(tasks=["ed"], ed=[{"cluster": [3, 4], "filling": "1/3", "n_eigenstates": 0}]), "`ed.0.n_eigenstates` must be at least 1, but is 0."),
    (lambda: read_plan(Path("absent.toml")), "`plan` must be a readable file, but absent.toml is not: [Errno 2] No such file or directory: 'absent.toml'."),
    (lambda: read_plan(Path("broken.toml")), "`plan` must be valid TOML, but broken.toml is not: Invalid statement (at line 1, column 1)."),
    (lambda: refine_boundaries([], ResultsFolder(Path("new"))), "`requests` must be requests of one task, but are empty."),
    (lambda: refine_boundaries(requests(), ResultsFolder(Path("new"))), "`requests` must be requests of one task, but hold those of bands, chern."),
    (lambda: refine_boundaries([], ResultsFolder(Path("new")), min_step=NAN), "`min_step` must be positive, but is nan."),
    # files
    (lambda: ResultsFolder(Path("full")).open_for_writing(), "`output` must be a new or empty folder or one of earlier results, but full holds other files."),
    (lambda: ResultsFolder(Path("notes.txt")).open_for_writing(), "`output` must be a folder that can be written, but notes.txt is not: [Errno 20] Not a directory: 'notes.txt/points'."),
    (lambda: ResultsFolder(Path("marked")).check(), "`marked/moire.json` must be the marker of a results folder, but cannot be read."),
    (lambda: collect(ResultsFolder(Path("full"))), "`folder` must hold results of a sweep, but full has no point files."),
    (lambda: check_figure_name(Path("figure.xyz")), "`figure` must end in .png, .pdf or another format of figures, but is figure.xyz."),
    (lambda: draw_file(Path("grid.h5"), Path("figure.png")), "`file` must hold the result of a task (bands, chern, topology, hf, ed, fci), but grid.h5 is of kind 'grid'."),
    (lambda: check_target(Path("full")), "`output` must be a new file or an earlier result, but full is a folder."),
    (lambda: check_target(Path("notes.txt")), "`output` must be a new file or an earlier result, but notes.txt is another file."),
    (lambda: check_target(Path("grid.h5"), "bands"), "`output` must be a new file or an earlier result of kind 'bands', but grid.h5 is of kind 'grid'."),
    (lambda: check_folder(Path("notes.txt/x.h5"), "output"), "`output` must lie in a folder that can be written, but notes.txt/x.h5 does not: [Errno 17] File exists: 'notes.txt'."),
    (lambda: read_record(Path("absent.h5")), "`absent.h5` must be a file, but there is none."),
    (lambda: read_record(Path("notes.txt")), "`notes.txt` must be an HDF5 file, but has another format or damaged first bytes."),
    (lambda: read_record(Path("full")), "`full` must be a file, but is a folder."),
    (lambda: check_schema(Path("old.h5"), None), "`old.h5` must have schema 2, but has none."),
    (lambda: read_hamiltonian(Record("bands", {}, {})), "`record` must be of kind 'hamiltonian', but is of kind 'bands'."),
    (lambda: hamiltonian_record(pair_hamiltonian(transformed=True)), "`pair_hamiltonian` must be that of the carriers, but is particle-hole transformed."),
    (lambda: bands_record(bands(), bands(2, PATH)), "`path` and `mesh` must be solved on a KPath and a MomentumGrid, but are on MomentumGrid and KPath."),
    (lambda: read_fcidump(Path("absent"), GRID), "`absent` must be a file, but there is none."),
    (lambda: read_fcidump(Path("notes.txt"), GRID), "`notes.txt` must hold lines of numbers, but does not: could not convert string 'mine' to float64 at row 0, column 1."),
    (lambda: read_fcidump(Path("narrow"), GRID), "`narrow` must hold lines of 6 numbers, but holds lines of 3."),
    (lambda: read_fcidump(Path("small"), GRID), "`small` must have 6 orbitals, those of 2x3, but has 2."),
    (lambda: write_fcidump(pair_hamiltonian(), Path("x"), 7), "`n_particles` must lie in 0..6, but is 7."),
    (lambda: write_fcidump(pair_hamiltonian(), Path("notes.txt/x")), "`path` must be a file that can be written, but notes.txt/x is not: [Errno 20] Not a directory: 'notes.txt/x'."),
    # the command line, where names are those of the options
    (lambda: command("bands", "--twist", -1), "`--twist` must lie in (0, 30] degrees, but is -1.0."),
    (lambda: command("bands", "--twist", 3, "--mesh", "18"), "`--mesh` must read N1xN2, such as 6x6, but is '18'."),
    (lambda: command("bands", "--twist", 3, "--mesh", "0x3"), "`--mesh` must have positive integer sides, but is 0x3."),
    (lambda: command("bands", "--twist", 3, "--set", "WANG"), "`--set` must be a published set, but is 'WANG'; did you mean 'WANG_2023'?"),
    (lambda: command("bands", "--twist", 3, "--shells", 0), "`--shells` must be finite and at least 1, the first shell of the potential, but is 0.0."),
    (lambda: command("bands", "--twist", 3, "--valley", 0), "`--valley` must be +1 (K) or -1 (K'), but is 0."),
    (lambda: command("bands", "--twist", 3, "--segment", 0), "`--segment` must be at least 1, but is 0."),
    (lambda: command("bands", "--twist", 3, "--bands", 500), "`--bands` must lie in 1..182, the dimension of H(k) at 5 shells, but is 500."),
    (lambda: command("bands", "--twist", 3, "--figure", "x.png"), "`--output` must be given with --figure, but is missing."),
    (lambda: command("bands", "--twist", 3, "--output", "full"), "`--output` must be a new file or an earlier result, but full is a folder."),
    (lambda: command("chern", "--twist", 3, "--groups", "a"), "`--groups` must be groups of bands such as 0,1,0+1, but is 'a'."),
    (lambda: command("chern", "--twist", 3, "--groups", "-1"), "`--groups` must hold groups of different bands, counted from 0, but holds [-1]."),
    (lambda: command("chern", "--twist", 3, "--groups", "500"), "`--groups` must hold bands of 0..181, those of H(k) at 5 shells, but holds 500."),
    (lambda: command("topology", "--twist", 3, "--mesh", "5x6"), "`--mesh` must be even along b_1, as Z2 needs, but is [5, 6]."),
    (lambda: command("hf", "--twist", 3, "--supercell", "2x2"), "`--supercell` must be sqrt3 or four integers S11,S12,S21,S22, but is '2x2'."),
    (lambda: command("hf", "--twist", 3, "--epsilon", "ten"), "`--epsilon` must be one number or several, such as 10,20,40, but is 'ten'."),
    (lambda: command("hf", "--twist", 3, "--epsilon", -1), "`--epsilon` must be positive, but is -1.0."),
    (lambda: command("hf", "--twist", 3, "--filling", -7), "`--filling` must lie in [-6, 6], the capacity of the bands kept per cell, but is -7."),
    (lambda: command("hf", "--twist", 3, "--random", 0), "`--random` must be at least 1, but is 0."),
    (lambda: command("hf", "--twist", 3, "--guesses", "spiral"), "`--guesses` must be possible in the moire cell, but 'spiral' needs an enlarged one or a boost (give `--supercell` or `--boost`)."),
    (lambda: command("hf", "--twist", 3, "--tolerance", 0), "`--tolerance` must be positive (in meV), but is 0.0."),
    (lambda: command("ed", "--twist", 3, "--cluster", "0x5", "--filling", "1/3"), "`--cluster` must be N1xN2 with positive sides or four integers T11,T12,T21,T22, but is '0x5'."),
    (lambda: command("ed", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--states", 0), "`--states` must be at least 1, but is 0."),
    (lambda: command("ed", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--boundary-phase", "nan", 0), "`--boundary-phase` must be finite, but is nan."),
    (lambda: command("ed", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--gate-distance", 0), "`--gate-distance` must be positive and finite (in nm; gates = 'none' removes them), but is 0.0."),
    (lambda: command("fci", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--flux", "one"), "`--flux` must be integers such as 1,2, or empty, but is 'one'."),
    (lambda: command("fci", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--flux", "3"), "`--flux` must name directions 1 or 2, but names 3."),
    (lambda: command("fci", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--phases", "1x6"), "`--phases` must have sides of at least 2, or be 0x0 for none, but is [1, 6]."),
    (lambda: command("fci", "--twist", 3, "--cluster", "3x4", "--filling", "1/3", "--kept", 9), "`--kept` must be -1 (automatic), 0 (none) or at most 4, the minority, but is 9."),
    (lambda: command("clusters", "--filling", "2/3", "--rows", 0), "`--rows` must be at least 1, but is 0."),
    (lambda: command("clusters", "--filling", "2/3", "--max-sites", 65), "`--max-sites` must satisfy 1 <= min_sites <= max_sites <= 64, but is 65, with min_sites = 6."),
    (lambda: command("export", "--twist", 3, "--cluster", "2x3", "--format", "fcidump", "--filling", "1/3", "--output", "notes.txt"), "`--output` must be a new file, but notes.txt exists."),
    (lambda: command("plot", "grid.h5"), "`file` must hold the result of a task (bands, chern, topology, hf, ed, fci), but grid.h5 is of kind 'grid'."),
    (lambda: command("plot", "grid.h5", "--output", "notes.txt/x.png"), "`--output` must lie in a folder that can be written, but notes.txt/x.png does not: [Errno 17] File exists: 'notes.txt'."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), CASES)
def test_the_sentence(call, sentence, files, monkeypatch):
    monkeypatch.chdir(files)
    with pytest.raises(mo.MoireError) as failure:
        call()
    assert str(failure.value) == sentence
