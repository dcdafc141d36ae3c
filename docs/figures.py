"""Redraw the small figures of the documentation from the results of `make demo`: python docs/figures.py results/demo.

They are bands.png, spectrum.png and fci-trend.png, and the phase maps hf-nu2-field-epsilon.png, hf-nu2-all-waves.png,
hf-nu2-angle-field.png and hf-nu1.png of the tables in data/reference. The others are copied from the results folders
of long sweeps, with the commands given below them in the theory pages:

    hf-nu2-gap.png    scripts/phase_diagram_nu2.py
    hf-nu1-competitors.png    scripts/phase_diagram_nu1.py
    fci-window.png    scripts/fci_window.py
    fci-displacement.png    scripts/fci_displacement.py
    fci-three-fifths.png    moire sweep data/plans/fci_three_fifths.toml --plot
"""

import sys
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

from moire.io import read_bands, read_record, read_spectrum
from moire.plot import plot_bands, plot_spectrum, styled
from moire.report.figures import draw_folder
from moire.report.mean_field_figures import phase_figures
from moire.sweep import ResultsFolder, Table, collect

TARGET = Path(__file__).parent / "figures"
REFERENCE = Path(__file__).parents[1] / "data" / "reference"


def pick(folder: ResultsFolder, title: str):
    """Return the one record of the folder with this title."""
    (record,) = [record for record in map(read_record, folder.files()) if record.attributes["title"] == title]
    return record


def draw_phase_maps() -> None:
    """Draw the phase maps of the stored tables."""
    for name in ("hf_nu2_field_epsilon", "hf_nu2_all_waves", "hf_nu2_angle_field", "hf_nu1"):
        columns = read_record(REFERENCE / f"{name}.h5").datasets.items()
        table = Table({key.removeprefix("hf/"): dataset for key, dataset in columns})
        phase_figures(table)["hf-phases"].savefig(TARGET / f"{name.replace('_', '-')}.png")


@styled()
def main() -> None:
    """Draw the phase maps, bands at two angles, spectra on 3x5 and the trend of gap and splitting."""
    draw_phase_maps()
    folder = ResultsFolder(Path(sys.argv[1]))
    titles = ("bands at 2.8 deg, D = 0 meV", "bands at 3.7 deg, D = 0 meV")
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    for ax, title in zip(figure.subplots(1, 2), titles, strict=True):
        plot_bands(read_bands(pick(folder, title))[0], ax).set_title(title, fontsize="medium")
    figure.savefig(TARGET / "bands.png")
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    for ax, filling in zip(figure.subplots(1, 2), ("-2/3", "-3/5"), strict=True):
        title = f"ed at 3.7 deg, D = 0 meV, 3x5 at {filling}, eps = 10"
        plot_spectrum(read_spectrum(pick(folder, title)), ax)
    figure.savefig(TARGET / "spectrum.png")
    with tempfile.TemporaryDirectory() as scratch:
        drawn = {path.name: path for path in draw_folder(folder, collect(folder), Path(scratch))}
        (TARGET / "fci-trend.png").write_bytes(drawn["fci-trend.png"].read_bytes())


if __name__ == "__main__":
    main()
