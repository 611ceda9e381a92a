"""One run from top to bottom: planned, measured, stored, judged, and resumed."""
