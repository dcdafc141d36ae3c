"""What theory predicts of fractional states from a cluster and a filling alone: momenta and counts."""
