"""Weights in less flash: shared, coded or left out."""
