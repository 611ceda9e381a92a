"""What stands on this desk: found, named, locked, flashed and reset."""
