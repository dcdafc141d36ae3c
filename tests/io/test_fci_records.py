"""Records of diagnostics: several bands and both valleys come back, and files without them are read as one band."""

from dataclasses import fields

import numpy as np
import pytest

import moire as mo
from moire.io import Dataset, Record, fci_record, read_fci, read_record, read_spectrum, spectrum_record, write_record
from tests.flavour_cases import flavour_problem, flavour_spectrum

ONE, MANY = (1, (+1,)), (2, (+1, -1))


@pytest.fixture(scope="module", params=[ONE, MANY], ids=["one band", "bands and valleys"])
def report(request):
    problem = flavour_problem((2, 3), *request.param, phase=(0, 0), shells=5)
    return mo.observables.fci_report(problem, "1/3", 2, flux_directions=(2,), n_flux_steps=2, phase_mesh=(5, 3))


def equal(first, second):
    """Compare every field of two diagnostics, arrays to the last bit."""
    for each in fields(first):
        one, other = getattr(first, each.name), getattr(second, each.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
        elif each.name not in ("grid", "transfers"):
            np.testing.assert_equal(one, other)


def test_reports_come_back(report, tmp_path):
    write_record(tmp_path / "fci.h5", fci_record(report))
    record = read_record(tmp_path / "fci.h5")
    back = read_fci(record)
    assert str(back) == str(report)
    parts = ("occupation", "structure", "weight", "order", "entanglement", "chern", "charge")
    for name in parts:
        equal(getattr(back, name), getattr(report, name))
    equal(back.flows[0], report.flows[0])
    np.testing.assert_array_equal(record["occupation/by_band"], report.occupation.by_band)
    n_flavours, n_bands = report.occupation.density.shape[1], report.occupation.density.shape[3]
    assert record["occupation/natural"].shape == (n_flavours, 6, n_bands)
    assert len(report.charge.polarised) == (3 if n_flavours == 2 else 0)
    assert ("charge gap without flips" in str(back)) == (n_flavours == 2)


def test_files_without_flavours_hold_one_band():
    problem = flavour_problem((2, 3), *ONE, phase=(0, 0), shells=5)
    report = mo.observables.fci_report(problem, "1/3", 2, flux_directions=(), phase_mesh=None)
    datasets = dict(fci_record(report).datasets)
    renamed = {
        "occupation/density": ("occupation/per_state", report.occupation.per_state),
        "structure/density": ("structure/occupation", report.structure.occupation),
        "structure/flavour_pairs": ("structure/pairs", report.structure.pairs),
        "structure/flavour_density": ("structure/mean_density", report.structure.mean_density),
        "structure/flavour_weight": ("structure/band_weight", report.structure.band_weight),
    }
    for name, (old, values) in renamed.items():
        del datasets[name]
        datasets[old] = Dataset(values, "", (), "")
    del datasets["entanglement/numbers"]
    back = read_fci(Record("fci", datasets))
    for name in ("occupation", "structure", "entanglement"):
        equal(getattr(back, name), getattr(report, name))
    assert str(back) == str(report)


@pytest.mark.parametrize("shells", [2, 6])
def test_spectra_of_bands_and_valleys_come_back(tmp_path, shells):
    """With all polarisations, and with those that time reversal gives left out."""
    options = {"n_bands": 2, "phase": (0.1, 0.2) if shells == 2 else (0, 0), "shells": shells}
    spectrum = flavour_spectrum("2/3", None, 2, **options)
    assert (spectrum.reversal_mev is None) == (shells == 2)
    write_record(tmp_path / "s.h5", spectrum_record(spectrum))
    back = read_spectrum(read_record(tmp_path / "s.h5"))
    assert str(back) == str(spectrum)
    assert back.species.orbitals.same_cluster(spectrum.species.orbitals)
    np.testing.assert_array_equal(back.polarisation, spectrum.polarisation)
    assert [back.numbers(row) for row in range(len(back.momenta))] == [
        spectrum.numbers(row) for row in range(len(spectrum.momenta))
    ]
    for one, other in zip(back.vectors, spectrum.vectors, strict=True):
        np.testing.assert_array_equal(one, other)
    assert back.manifold == spectrum.manifold
