"""The Python environment that is installed into."""
