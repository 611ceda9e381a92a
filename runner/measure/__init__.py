"""How a board is measured: one module a mode, each yields what it finds and judges nothing."""
