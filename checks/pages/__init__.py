"""The evidence page of a load: what the gate found, gravest first, with charts, rows and what to do about it."""
