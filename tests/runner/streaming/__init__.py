"""Tests of how streams of detections are scored."""
