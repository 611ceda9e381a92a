"""Libraries of kernels that are not ours: calls of them, in place of those of our plain kernels."""
