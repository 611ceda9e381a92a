"""The leader of a lab: what it knows, where jobs are placed, attempts, workers that come and go."""
