"""The profile of a month: statistics of exactly the rows that staging loads, from which the gate knows an odd month."""
