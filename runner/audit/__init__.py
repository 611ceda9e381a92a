"""Audit of published MLPerf Tiny results: read their logs, compute again, compare, judge."""
