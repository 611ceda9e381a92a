"""Tests of the audit of published results."""
