"""Reports as one HTML file each, which needs no other."""
