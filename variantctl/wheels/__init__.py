"""Wheel files on disk or behind a URL: read, verify, rewrite."""
