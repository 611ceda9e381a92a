"""The serial link: a paced line, a bare client, and what they measure."""
