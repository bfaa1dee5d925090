"""Fetching over HTTP: one client, guarded at its socket; what its answers say; a download that never splices."""
