"""Drivers of energy monitors, one file each, found by the name of the file.

A driver has `open(spec) -> Monitor` and `attached() -> list[Found]`; see `energy/monitor.py`.
"""
