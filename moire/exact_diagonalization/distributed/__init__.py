"""Sectors whose vectors, states and accumulators are spread over ranks of MPI."""

from moire.exact_diagonalization.distributed.prediction import RankPrediction, predict
from moire.exact_diagonalization.distributed.product import DistributedProduct, ProductCost
from moire.exact_diagonalization.distributed.rows import SectorRows
from moire.exact_diagonalization.distributed.slepc import solve_with_slepc
from moire.exact_diagonalization.distributed.solve import distributed_space, solve_distributed

__all__ = [
    "DistributedProduct",
    "ProductCost",
    "RankPrediction",
    "SectorRows",
    "distributed_space",
    "predict",
    "solve_distributed",
    "solve_with_slepc",
]
