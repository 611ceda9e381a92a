"""Recordings for a streaming wake word: audio files, lists to build them by, and their features."""
