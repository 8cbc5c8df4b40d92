"""Lock files: pylock.toml (PEP 751) with the variants of PEP 825, out and in."""
