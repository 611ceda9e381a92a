"""A gate in one word: a run held against a baseline, and what a CI system shows of it."""
