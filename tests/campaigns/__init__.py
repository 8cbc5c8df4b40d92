"""Long comparisons with independent tools on generated input: ``python -m tests.campaigns NAME``.

The normal suite runs each of them with few cases (tests/interop/).
"""
