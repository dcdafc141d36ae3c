"""Figures of the results of a sweep or of a single run."""
