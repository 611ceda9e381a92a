"""Firmware as a project for a framework of others: Arduino, Zephyr, ESP-IDF, CMake, make."""
