"""Tests of learning on the device."""
