"""What a study found: as a table, as rows, and as a picture."""
