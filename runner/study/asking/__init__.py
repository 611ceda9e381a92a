"""What may be asked of a study elsewhere: its options, and what is wrong with them on paper."""
