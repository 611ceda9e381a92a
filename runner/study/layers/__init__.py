"""The layers of a model whose weights a study changes, and what they read."""
