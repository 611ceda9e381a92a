"""Scenarios of MLPerf Inference on one board: order of queries, tail of latencies, a queue."""
