"""A static index of variant wheels: build and verify."""
