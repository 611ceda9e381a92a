"""Fleets that learn, plans for them, and time to quality: tables, and plots as SVG and PNG."""
