"""Numba kernels: arrays in, arrays out; no objects, no units, no messages."""
