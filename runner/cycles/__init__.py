"""Estimate the clock cycles of an inference: counts of an emulator, priced by a declared core."""
