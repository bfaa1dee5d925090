"""``make chaos``: loaders that are killed at random moments, and readers who must never notice."""
