"""Machines from what clusters know of their nodes."""
