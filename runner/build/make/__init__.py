"""What make is told of a board, and what is kept of that it made."""
