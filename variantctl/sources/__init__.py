"""Where wheels come from: Simple API, find-links; HTTP, auth, cache."""
