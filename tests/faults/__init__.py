"""Faults between the real client and the real C core."""
