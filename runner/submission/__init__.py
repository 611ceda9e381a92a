"""A submission to MLPerf Tiny: runs become the tree of files that is handed in."""
