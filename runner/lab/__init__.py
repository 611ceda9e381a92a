"""A lab: boards of several computers, jobs of several people, one queue and one page."""
