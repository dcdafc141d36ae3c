"""What a move of code must not change, to the last digits that another processor keeps."""

import json

import pytest

from tests.reference.ledger import STORED, numbers


@pytest.mark.slow
def test_no_number_of_the_ledger_moves():
    found, stored = numbers(), json.loads(STORED.read_text())
    assert found.keys() == stored.keys()
    # Self-consistent states stop at a residual of 1e-6 meV, which moves gaps and modes by as much; sums over levels of
    # Lanczos stop at residuals of 1e-6 meV, whose square enters the energy; along a flux at 1e-3 meV, so that each of
    # its levels is known to 1e-6 meV and their sum, stored from residuals of 1e-6 meV, to 1e-8.
    coarse = {"observables/spectral flow": 1e-8}
    for name, value in stored.items():
        relative = 1e-6 if name.startswith("hf/") else coarse.get(name, 1e-9)
        assert found[name] == pytest.approx(value, rel=relative, abs=1e-12), name
