"""variantctl: the right build of every package for this machine (wheel variants, PEP 825 and PEP 850)."""

__version__ = "0.1.0.dev0"
