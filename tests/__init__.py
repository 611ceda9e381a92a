"""Tests and benchmarks of tinybench."""
