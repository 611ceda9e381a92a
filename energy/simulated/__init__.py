"""Simulated instruments that speak the wire protocol of the real ones, with their faults."""
