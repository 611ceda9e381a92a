"""Drive a board through the MLPerf Tiny protocol, score what it answers, judge the result."""
