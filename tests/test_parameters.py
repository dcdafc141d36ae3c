import pytest

import moire as mo
from moire.errors import InputError, nearest
from moire.parameters import PUBLISHED, published

# V, phi, w, m*, a_0 and the second harmonics as printed.
TABLE = {
    "WU_2019": (8.0, -89.6, -8.5, 0.62, 0.3472, 0, 0, "arXiv:1807.03311"),
    "WANG_2023": (20.8, -107.7, -23.8, 0.60, 0.352, 0, 0, "arXiv:2304.11864"),
    "REDDY_2023": (11.2, -91.0, -13.3, 0.62, 0.352, 0, 0, "arXiv:2304.12261"),
    "JIA_2023_FIRST_HARMONIC": (16.5, -105.9, -18.8, 0.60, 0.352, 0, 0, "arXiv:2311.04958"),
    "XU_2024": (2.4, -90.0, -5.8, 0.60, 0.352, 1.0, 2.8, "arXiv:2403.17003"),
    "DEVAKUL_2021": (9.0, 128.0, 18.0, 0.43, 0.3317, 0, 0, "arXiv:2106.11954"),
}


@pytest.mark.parametrize("name", TABLE)
def test_published_set_is_as_printed(name):
    p = published(name)
    fields = (
        *(p.potential_mev, p.potential_phase_deg, p.tunnelling_mev, p.effective_mass, p.lattice_constant_nm),
        *(p.second_potential_mev, p.second_tunnelling_mev, p.reference),
    )
    assert fields == TABLE[name]
    assert getattr(mo.parameters, name) is p
    assert p.name == name
    assert p.reference in str(p)
    assert ("V2 = 1.0 meV, w2 = 2.8 meV" in str(p)) == (name == "XU_2024")


def test_table_is_complete_and_cannot_be_changed():
    assert set(PUBLISHED) == set(TABLE)
    with pytest.raises(TypeError):
        PUBLISHED["x"] = mo.parameters.WANG_2023
    with pytest.raises(AttributeError):
        mo.parameters.WANG_2023.potential_mev = 0.0


def test_unknown_set_names_the_nearest():
    with pytest.raises(InputError, match=r"'wang_2022'; did you mean 'WANG_2023'\?$"):
        published("wang_2022")
    with pytest.raises(InputError, match=r"known are DEVAKUL_2021, .*XU_2024\.$"):
        published("qqqq")
    assert nearest("kapa", ["kappa", "gamma"]) == "; did you mean 'kappa'?"


def test_constants_are_codata():
    # 38.0998212 meV nm^2 and 1439.96448 meV nm; CODATA editions differ by 5e-8.
    from moire import units

    assert pytest.approx(38.0998212, rel=1e-8) == units.HBAR2_OVER_2ME
    assert pytest.approx(1439.96448, rel=1e-7) == units.COULOMB
