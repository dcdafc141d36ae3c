"""Predictions for fractional states from the cluster and the filling alone: momenta and counts."""
