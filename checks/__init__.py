"""The gate between a staged month and its readers, and the only place that imports Great Expectations.

The suites are plain data: planning reads their version without loading any of it.
"""
