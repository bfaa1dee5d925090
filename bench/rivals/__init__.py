"""What others do with the same month, each in an environment of its own."""
