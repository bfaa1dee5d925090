"""Delimited text (CSV, gzip or not): read in batches, within bounds, or refused with the reason."""
