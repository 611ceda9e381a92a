"""A float model quantised in several ways: what each costs."""
