"""The lowest Landau level with one flux quantum per cell, as a band in the labels of a cluster.

Projected densities are exp(-q^2 l^2/4) T_q with T_q T_p = exp(i l^2 (q x p)/2) T_{q+p} and 2 pi l^2 the area of
the cell. |0> is the common eigenstate T_G |0> = eta_G |0> (eta_G = 1 where G/2 is a reciprocal vector, else
-1), and |k> = T_-k |0> for the momenta of the grid.
"""

from dataclasses import replace

import numpy as np

from moire.form_factors import FormFactors


def landau_level(problem):
    """The problem with its band replaced by a flat lowest Landau level; interaction and cluster stay."""
    grid, transfers = problem.grid, problem.form_factors.transfers
    length2 = grid.lattice.cell_area_nm2 / (2 * np.pi)
    points = grid.fractional @ grid.lattice.reciprocal
    values = np.zeros(problem.form_factors.values.shape, dtype=complex)

    def cross(a, b):
        return a[0] * b[1] - a[1] * b[0]

    for index in range(transfers.size):
        q = transfers.vectors[index]
        for k in range(grid.n_points):
            p = grid.sum_index[k, transfers.group_index[index]]
            # <k| T_q |p>: p - q = k + G
            fold = (points[p] - q - points[k]) @ grid.lattice.primitive.T / (2 * np.pi)
            integers = np.round(fold).astype(int)
            eta = 1 if not (integers % 2).any() else -1
            reciprocal = integers @ grid.lattice.reciprocal
            phase = np.exp(-0.5j * length2 * (cross(q, points[p]) + cross(points[k], reciprocal)))
            values[0, index, k, 0, 0, 0] = np.exp(-length2 * (q @ q) / 4) * phase * eta
    values.setflags(write=False)
    one_body = np.zeros_like(problem.one_body)
    one_body.setflags(write=False)
    form_factors = FormFactors(transfers, problem.bands)
    form_factors.__dict__["values"] = values  # where the cached property keeps them
    return replace(problem, form_factors=form_factors, one_body=one_body)
