"""Bytes from URLs: the HTTP client, credentials, certificates, ranges, downloads, and their hashes."""
