"""Many results beside each other: the runs of a folder, two sets of them, the published ones."""
