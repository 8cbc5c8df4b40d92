"""Tests that run the real pip, uv and variantlib next to us."""
