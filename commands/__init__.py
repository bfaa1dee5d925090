"""The ``tidemark`` command: thin, one file a command."""
