"""Writers and readers of the Hamiltonian in the text formats of other codes: DiagHam and FCIDUMP.

Both hold H = constant + sum h_ij c^+_i c_j + sum_ab A_ab P^+_a P_b with P_p = c_p1 c_p2, p1 < p2, of the carriers.
FCIDUMP takes any orbitals (flavour, band, k), DiagHam one band of one flavour.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire._types import checked
from moire.errors import FileFormatError, InputError, require
from moire.exact_diagonalization import PairHamiltonian
from moire.grids import MomentumGrid
from moire.io.pair_elements import assemble, check_carriers, elements
from moire.orbitals import Orbitals


@checked
def write_diagham(pair_hamiltonian: PairHamiltonian, interaction: Path, one_body: Path) -> None:
    """Write the two files of DiagHam's FTIGenericInteractionFromFileTwoBands, all carriers in its band 0.

    Interaction: lines ``s1 kx1 ky1 s2 kx2 ky2 s3 kx3 ky3 s4 kx4 ky4 (re,im)``; the element multiplies
    c^+_1 c^+_2 c_3 c_4 and is therefore -A. Only k1 < k2 and k3 < k4 are written, each with the full
    antisymmetrised sum. One body: lines ``kx ky m n (re,im)``, for ``--full-singleparticle
    --complex-singlebody``. (kx, ky) are the labels of the momentum group. DiagHam has no constant; it is written
    in a comment.

    Parameters
    ----------
    pair_hamiltonian
        Of the carriers in one band of one flavour, not particle-hole transformed.
    interaction, one_body
        Where to write.

    Raises
    ------
    InputError
        If the Hamiltonian is transformed, has other orbitals, or a file cannot be written.
    """
    check_carriers(pair_hamiltonian)
    orbitals = pair_hamiltonian.orbitals
    found = f"has {orbitals.n_bands} and {orbitals.n_flavours} (FCIDUMP and HDF5 take any)"
    single = orbitals.n_bands == orbitals.n_flavours == 1
    require(single, "pair_hamiltonian", "have one band and one flavour in the format of DiagHam", found=found)
    labels = pair_hamiltonian.pairs.grid.labels.tolist()
    creators, annihilators, values = elements(pair_hamiltonian)
    momenta = np.concatenate([creators, annihilators], axis=1).tolist()
    lines = ["# s1 kx1 ky1 s2 kx2 ky2 s3 kx3 ky3 s4 kx4 ky4 element (meV) of c+1 c+2 c3 c4"]
    for four, value in zip(momenta, (-values).tolist(), strict=True):
        lines.append(" ".join(f"0 {labels[k][0]} {labels[k][1]}" for k in four) + f" {_pair(value)}")
    _write(interaction, lines)
    levels = [f"# constant {pair_hamiltonian.constant!r}", "# kx ky m n one-body element (meV)"]
    for (kx, ky), energy in zip(labels, pair_hamiltonian.levels.tolist(), strict=True):
        levels.append(f"{kx} {ky} 0 0 {_pair(energy)}")
    _write(one_body, levels)


@checked
def read_diagham(interaction: Path, one_body: Path, grid: MomentumGrid) -> PairHamiltonian:
    """Read the Hamiltonian of band 0 from the files of :func:`write_diagham`, with pairs in any order.

    Parameters
    ----------
    interaction, one_body
        The files.
    grid
        The cluster; its labels are those of the files.

    Raises
    ------
    FileFormatError
        If a file is missing or damaged, names another band or label, or its Hamiltonian is not Hermitian or
        does not conserve momentum.
    """
    rows, _ = _numbers(interaction, 14)
    bands, labels = rows[:, [0, 3, 6, 9]], rows[:, [1, 2, 4, 5, 7, 8, 10, 11]].reshape(-1, 4, 2)
    levels, text = _numbers(one_body, 6)
    if bands.any() or levels[:, 2:4].any():
        raise FileFormatError(f"`{interaction}` must hold band 0 alone, but names another band.")
    members = _orbitals(grid, labels, interaction)
    energies = np.zeros(grid.n_points)
    energies[_orbitals(grid, levels[:, :2], one_body)] = levels[:, 4]
    found = re.search(r"^# constant (\S+)", text, re.MULTILINE)
    values = -(rows[:, 12] + 1j * rows[:, 13])
    orbitals = Orbitals(grid)
    constant = float(found[1]) if found else 0.0
    return assemble(orbitals, orbitals.matrix(energies), members, values, constant, interaction)


@checked
def write_fcidump(pair_hamiltonian: PairHamiltonian, path: Path, n_particles: int = 0) -> None:
    """Write an FCIDUMP-like text of spinless complex elements.

    H = core + sum h_ij c^+_i c_j + 1/2 sum (ij|kl) c^+_i c^+_k c_l c_j, orbitals from 1 in the order
    (band, flavour, k), k fastest. (ij|kl) is antisymmetric in i, k and in j, l; every nonzero element has its own line
    ``(re,im) i j k l``, one-body elements ``(re,im) i j 0 0`` and the constant ``(re,im) 0 0 0 0``. MS2 = NELEC: all
    spins up.

    Parameters
    ----------
    pair_hamiltonian
        Of the carriers, not particle-hole transformed.
    path
        Where to write.
    n_particles
        Number of carriers for the header.

    Raises
    ------
    InputError
        If the Hamiltonian is transformed, the number is out of range or the file cannot be written.
    """
    check_carriers(pair_hamiltonian)
    orbitals, one_body = pair_hamiltonian.orbitals, pair_hamiltonian.one_body
    n = orbitals.size
    require(0 <= n_particles <= n, "n_particles", f"lie in 0..{n}", n_particles)
    creators, annihilators, values = elements(pair_hamiltonian)
    lines = [f"&FCI NORB={n},NELEC={n_particles},MS2={n_particles},", " ORBSYM=" + "1," * n, " ISYM=1,", "&END"]
    for (i, k), (j, m), value in zip(creators + 1, annihilators + 1, values / 2, strict=True):
        if value:
            straight, crossed = _pair(complex(value)), _pair(complex(-value))
            lines += [f"{straight} {i} {j} {k} {m}", f"{straight} {k} {m} {i} {j}"]
            lines += [f"{crossed} {i} {m} {k} {j}", f"{crossed} {k} {j} {i} {m}"]
    lines += [f"{_pair(energy)} {k} {k} 0 0" for k, energy in enumerate(pair_hamiltonian.levels.tolist(), 1)]
    for flavour, k, first, second in zip(*np.nonzero(one_body * (1 - np.eye(orbitals.n_bands))), strict=True):
        i, j = (int(orbitals.index(flavour, band, k)) + 1 for band in (first, second))
        lines.append(f"{_pair(one_body[flavour, k, first, second])} {i} {j} 0 0")
    _write(path, [*lines, f"{_pair(pair_hamiltonian.constant)} 0 0 0 0"])


@checked
def read_fcidump(path: Path, grid: MomentumGrid, n_flavours: int = 1, n_bands: int = 1) -> PairHamiltonian:
    """Read the Hamiltonian from a file as :func:`write_fcidump` writes it.

    Parameters
    ----------
    path
        The file.
    grid
        The cluster.
    n_flavours, n_bands
        Flavours, and bands of each: the file does not name them.

    Raises
    ------
    FileFormatError
        If the file is missing or damaged, has another number of orbitals, or its Hamiltonian is not Hermitian
        or does not conserve momentum and the particles of each flavour.
    """
    orbitals = Orbitals(grid, n_flavours, n_bands)
    rows, text = _numbers(path, 6)
    header = re.search(r"NORB\s*=\s*(\d+)", text)
    if header is None or int(header[1]) != orbitals.size:
        found = header[1] if header else "none"
        raise FileFormatError(f"`{path}` must have {orbitals.size} orbitals, those of {orbitals}, but has {found}.")
    values: ComplexArray = rows[:, 0] + 1j * rows[:, 1]
    members = rows[:, 2:].astype(np.int64)
    if (members != rows[:, 2:]).any() or members.min(initial=0) < 0 or members.max(initial=0) > orbitals.size:
        raise FileFormatError(f"`{path}` must name orbitals 1..{orbitals.size}, but names others.")
    core = ~members.any(axis=1)
    single = ~core & ~members[:, 2:].any(axis=1)
    two = ~core & ~single
    first, second = members[single, 0] - 1, members[single, 1] - 1
    if (orbitals.momentum[first] != orbitals.momentum[second]).any():
        raise FileFormatError(f"`{path}` must conserve momentum, but has one-body elements between two momenta.")
    if (orbitals.flavour[first] != orbitals.flavour[second]).any():
        raise FileFormatError(f"`{path}` must conserve flavours, but has one-body elements between two of them.")
    one_body = np.zeros((n_flavours, grid.n_points, n_bands, n_bands), dtype=np.complex128)
    place = (orbitals.flavour[first], orbitals.momentum[first], orbitals.band[first], orbitals.band[second])
    np.add.at(one_body, place, values[single])
    i, j, k, m = members[two].T - 1
    constant = float(values[core].real.sum())
    return assemble(orbitals, one_body, np.stack([i, k, j, m], axis=1), 0.5 * values[two], constant, path)


def _orbitals(grid: MomentumGrid, labels: FloatArray, path: Path) -> IntArray:
    """Index of every label (..., 2)."""
    whole = labels.astype(np.int64)
    if (whole != labels).any() or (whole < 0).any() or (whole >= np.array(grid.moduli)).any():
        raise FileFormatError(
            f"`{path}` must name momenta of {grid.name}, labels below {grid.moduli}, but names others."
        )
    index: IntArray = whole[..., 0] * grid.moduli[1] + whole[..., 1]
    return index


def _pair(value: complex) -> str:
    """``(re,im)`` with all digits, as C++ reads complex numbers."""
    number = complex(value)
    return f"({number.real!r},{number.imag!r})"


def _write(path: Path, lines: list[str]) -> None:
    try:
        Path(path).write_text("\n".join(lines) + "\n", encoding="ascii")
    except OSError as error:
        raise InputError(f"`path` must be a file that can be written, but {path} is not: {error}.") from None


def _numbers(path: Path, n_columns: int) -> tuple[FloatArray, str]:
    """Rows of numbers of a text file, ``(re,im)`` counting as two columns, and the text itself."""
    try:
        text = Path(path).read_text(encoding="ascii")
        body = re.sub(r"^\s*&.*?&END\s*$", "", text, flags=re.MULTILINE | re.DOTALL)
        rows = np.loadtxt(io.StringIO(re.sub(r"[(),]", " ", body)), ndmin=2)
    except FileNotFoundError:
        raise FileFormatError(f"`{path}` must be a file, but there is none.") from None
    except (OSError, ValueError) as error:
        raise FileFormatError(f"`{path}` must hold lines of numbers, but does not: {str(error).rstrip('.')}.") from None
    if rows.shape[1] != n_columns:
        raise FileFormatError(f"`{path}` must hold lines of {n_columns} numbers, but holds lines of {rows.shape[1]}.")
    return rows, text
