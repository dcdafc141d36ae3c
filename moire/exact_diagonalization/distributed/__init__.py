"""Sectors whose vectors, states and accumulators are spread over ranks of MPI."""

from moire.exact_diagonalization.distributed.product import DistributedProduct, ProductCost
from moire.exact_diagonalization.distributed.rows import SectorRows

__all__ = ["DistributedProduct", "ProductCost", "SectorRows"]
