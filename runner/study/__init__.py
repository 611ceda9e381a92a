"""Studies: one question on a model, answered by many small runs of its compiled C."""
