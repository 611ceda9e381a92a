"""Fleets of boards that learn together: clients, rounds, time and energy to a quality, a plan."""
