"""A plan becomes files on disk: fetch, unpack, check, stage, swap, record; and roll back.

Wheels are unpacked once, into a store by content hash (``store``), and an environment is given links to the
files. ``layout`` says where each file of a wheel goes, ``removal`` which files an installed package leaves,
``conflicts`` whether the two fit what is there; ``transaction`` makes it so or leaves it as it was, and
``apply`` reads as the whole story.
"""
