"""The line to a device: bytes to and from a process, a serial port or a record of either."""
