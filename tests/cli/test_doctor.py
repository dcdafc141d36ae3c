"""What a machine gives, and the self-test."""

import re

import numpy as np
from click.testing import CliRunner

from moire.cli import cli, self_test


def test_the_doctor_tells_the_machine_and_compares_numbers():
    done = CliRunner().invoke(cli, ["doctor", "--no-mpi"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    named = re.findall(r"^ *(\w[\w ]*?)  ", done.output, re.MULTILINE)
    for name in ("machine", "cores", "memory", "versions", "BLAS", "launcher", "ranks", "threads", "kernels"):
        assert name in named
    assert done.output.count("  ok\n") == 3


def test_a_wrong_number_is_told(monkeypatch):
    monkeypatch.setattr(self_test, "_width", lambda: 6.5)
    monkeypatch.setattr(self_test, "_lowest", lambda: float("nan"))
    done = CliRunner().invoke(cli, ["doctor", "--no-mpi"], catch_exceptions=False)
    assert done.exit_code == 1
    assert "WRONG, stored is 6.45761362" in done.output
    assert "Error: 2 of 3 numbers differ from the stored ones." in done.output


def test_the_stored_level_is_that_of_the_full_matrix():
    """The dense matrix of one sector, against the number that the doctor compares with Lanczos."""
    form = self_test._hamiltonian()
    sector = self_test.MomentumSector(form.orbitals, (5,), 0)
    matrix = self_test.SectorHamiltonian(form, sector, "csr").to_csr().toarray()
    assert abs(np.linalg.eigvalsh(matrix)[0] + form.constant + 585.05500688) < self_test.TOLERANCE
