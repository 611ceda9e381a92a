"""What the published run rules ask of windows; the energy analysis and the rules both go by it.

Ref: mlcommons/tiny, benchmark/MLPerfTiny_Rules.adoc; eembc/energyrunner, README.
"""

WINDOWS = 5
WINDOW_MIN_S = 10.0
