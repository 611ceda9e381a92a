"""Model declarations, the models in the package, training, and the compiler from .tflite to C."""
