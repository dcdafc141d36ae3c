"""Lowest energies of an exported Hamiltonian by other codes, from the file alone: nothing of moire is imported.

moire export --twist 3.7 --cluster 3x3 --filling -2/3 --format fcidump --output FCIDUMP
python scripts/hand_over.py FCIDUMP pyscf
python scripts/hand_over.py FCIDUMP block2
python scripts/hand_over.py FCIDUMP tenpy
moire export --twist 3.7 --cluster 3x3 --format diagham --output interaction
python scripts/hand_over.py interaction diagham 6
"""

import re
import sys
import tempfile
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np


def read_fcidump(path):
    """Carriers, core, h_ij and (ij|kl) of H = core + h_ij c+_i c_j + 1/2 (ij|kl) c+_i c+_k c_l c_j."""
    text = Path(path).read_text()
    n, n_carriers = (int(re.search(rf"{key}=(\d+)", text)[1]) for key in ("NORB", "NELEC"))
    core, h, v = 0.0, np.zeros((n, n), complex), np.zeros((n, n, n, n), complex)
    for real, imag, *words in re.findall(r"^\((\S+),(\S+)\) (\d+) (\d+) (\d+) (\d+)$", text, re.MULTILINE):
        value, (i, j, k, m) = complex(float(real), float(imag)), map(int, words)
        if k:
            v[i - 1, j - 1, k - 1, m - 1] = value
        elif i:
            h[i - 1, j - 1] = value
        else:
            core = value.real
    return n_carriers, core, h, v


def pyscf(path, n_levels=3):
    """Full configuration interaction of complex spin orbitals."""
    from pyscf.fci import fci_dhf_slow

    n_carriers, core, h, v = read_fcidump(path)
    solver = fci_dhf_slow.FCI()
    solver.conv_tol, solver.max_cycle, solver.max_space = 1e-11, 300, 60
    # a determinant has one total momentum and leads to states of this momentum alone; a random vector to all
    start = np.random.default_rng(1).standard_normal((n_levels, comb(len(h), n_carriers))).astype(complex)
    energies, _ = solver.kernel(h, v, len(h), n_carriers, nroots=n_levels, ci0=list(start))
    return np.sort(energies) + core


def block2(path, n_levels=3):
    """DMRG of complex spinless fermions, the lowest levels one after another."""
    from pyblock2.driver.core import DMRGDriver, SymmetryTypes

    n_carriers, core, h, v = read_fcidump(path)
    with tempfile.TemporaryDirectory() as scratch:
        driver = DMRGDriver(scratch=scratch, symm_type=SymmetryTypes.SGFCPX, n_threads=1)
        driver.initialize_system(n_sites=len(h), n_elec=n_carriers)
        operator = driver.get_qc_mpo(h1e=h, g2e=v, ecore=core, iprint=0)
        states = driver.get_random_mps(tag="levels", bond_dim=200, nroots=n_levels)
        noises = [1e-2] * 6 + [1e-4] * 4 + [0]  # to leave the momenta of the first state
        options = {"n_sweeps": 30, "bond_dims": [200], "thrds": [1e-12], "tol": 1e-12, "iprint": 0}
        energies = driver.dmrg(operator, states, noises=noises, **options)
    return np.sort(np.real(energies))


def tenpy(path):
    """DMRG of one state."""
    from tenpy.algorithms.dmrg import TwoSiteDMRGEngine
    from tenpy.models.lattice import Chain
    from tenpy.models.model import MPOModel
    from tenpy.networks.mpo import MPOGraph
    from tenpy.networks.mps import MPS
    from tenpy.networks.site import FermionSite
    from tenpy.networks.terms import TermList

    n_carriers, core, h, v = read_fcidump(path)
    sites = [FermionSite(conserve="N")] * len(h)
    terms = [[("Cd", i), ("C", j)] for i, j in np.argwhere(h)]
    terms += [[("Cd", i), ("Cd", k), ("C", m), ("C", j)] for i, j, k, m in np.argwhere(v)]
    strengths = np.concatenate([h[h != 0], v[v != 0] / 2])
    written = TermList(terms, strengths)
    written.order_combine(sites)
    operator = MPOGraph.from_term_list(written, sites, bc="finite", insert_all_id=True).build_MPO()
    model = MPOModel(Chain(len(h), sites[0], bc_MPS="finite"), operator)
    state = MPS.from_product_state(sites, ["full"] * n_carriers + ["empty"] * (len(h) - n_carriers), dtype=complex)
    options = {"trunc_params": {"chi_max": 200, "svd_min": 1e-12}, "mixer": True, "max_E_err": 1e-13, "max_sweeps": 40}
    energy, _ = TwoSiteDMRGEngine(state, model, options).run()
    return np.array([energy + core])


def diagham(path, n_carriers):
    """All energies of the two files of DiagHam, `path` and `path`.onebody, by dense matrices of occupations."""
    rows = [re.sub(r"[(),]", " ", line).split() for line in Path(path).read_text().splitlines() if line[0] != "#"]
    single = Path(f"{path}.onebody").read_text()
    levels = {
        (int(x), int(y)): float(energy)
        for x, y, energy in re.findall(r"^(\d+) (\d+) 0 0 \((\S+),\S+\)$", single, re.MULTILINE)
    }
    place = {label: i for i, label in enumerate(levels)}
    states = {frozenset(state): i for i, state in enumerate(combinations(range(len(place)), n_carriers))}
    h = np.diag([sum(list(levels.values())[k] for k in state) for state in states]).astype(complex)
    for row in rows:
        one, two, three, four = (place[int(row[at]), int(row[at + 1])] for at in (1, 4, 7, 10))
        value = complex(float(row[12]), float(row[13]))
        for state, column in states.items():
            if {three, four} <= state and not {one, two} & (state - {three, four}):
                image, sign = set(state), 1
                for orbital, creates in ((four, False), (three, False), (two, True), (one, True)):
                    sign *= (-1) ** sum(each < orbital for each in image)
                    (image.add if creates else image.remove)(orbital)
                h[states[frozenset(image)], column] += sign * value
    return np.linalg.eigvalsh(h) + float(re.search(r"# constant (\S+)", single)[1])


def main():
    """Print the energies, in meV."""
    path, code, *rest = sys.argv[1:]
    energies = {"pyscf": pyscf, "block2": block2, "tenpy": tenpy, "diagham": diagham}[code](path, *map(int, rest))
    print(*(f"{energy:.10f}" for energy in energies[:3]), sep="\n")


if __name__ == "__main__":
    main()
