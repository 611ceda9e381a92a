"""Tests of the recordings of a streaming wake word."""
