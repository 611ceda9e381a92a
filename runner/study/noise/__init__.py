"""Noise and faults: what is left of the accuracy."""
