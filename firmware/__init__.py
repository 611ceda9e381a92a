"""Data only: the portable C core, kernels, ports and board declarations."""
