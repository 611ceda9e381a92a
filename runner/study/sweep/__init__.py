"""Any option by any other: which combinations are measured, and what they come to."""
