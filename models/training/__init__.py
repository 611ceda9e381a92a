"""Training and quantisation of the models in the package. Needs the `training` extra."""
