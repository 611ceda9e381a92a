"""What is shown and typed while something runs: a live trace, its keys, what is recorded of it."""
