"""How long studies take, and what they find where that is a figure of ours."""
