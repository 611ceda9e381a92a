"""Dataset declarations, fetching with checksums, preparation, and the small sets in the package."""
