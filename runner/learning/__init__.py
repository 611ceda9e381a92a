"""Learning: a head that learns, the course of a run to a quality, and how runs are judged by it."""
