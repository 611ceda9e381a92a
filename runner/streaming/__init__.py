"""What a stream of detections is worth: found words, false alarms, the drift between two clocks."""
