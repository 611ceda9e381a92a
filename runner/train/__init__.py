"""Learning on the device: a head on the features of a frozen model, and the way to its quality."""
