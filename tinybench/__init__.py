"""The ground that every part of tinybench stands on, below the folders beside it."""
