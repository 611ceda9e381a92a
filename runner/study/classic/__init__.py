"""Classic models beside neural ones: learnt here, run on a board."""
