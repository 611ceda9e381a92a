"""What a run leaves in its folder: what was asked, what was found, and what proves it."""
