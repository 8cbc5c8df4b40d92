"""A plan becomes files on disk: fetch, unpack, link, record, roll back."""
