"""Pruned layers: whether they pay on a core."""
