"""Wheel files on disk or behind a URL: read, verify, rewrite (zip, RECORD, METADATA, variant.json)."""
