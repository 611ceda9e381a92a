"""The rules that a published run, its windows, its figures and a whole tree may break."""
