"""Boards whose time is wrong, and sound ones."""
