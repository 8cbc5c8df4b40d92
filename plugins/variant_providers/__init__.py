"""Detector plugins for wheel variants; standard library only."""

__version__ = "0.1.0.dev0"
