"""A trace to look at: reduced for any zoom, folded, counted, and served to a browser here."""
