"""Reports on a stored result: one module a format."""
