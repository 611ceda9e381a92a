"""Weights as the kernels with DSP instructions want them."""
