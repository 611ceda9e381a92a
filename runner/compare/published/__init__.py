"""The published MLPerf Tiny results, and where a result stands among them."""
