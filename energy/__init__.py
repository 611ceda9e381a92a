"""Energy monitors, traces and window analysis."""
