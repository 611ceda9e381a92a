"""Run a board's image in a CPU emulator, with declared models of what its port touches."""
