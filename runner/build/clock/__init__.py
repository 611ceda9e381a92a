"""From a wished frequency to the settings of a clock tree, or to the nearest that it gives."""
