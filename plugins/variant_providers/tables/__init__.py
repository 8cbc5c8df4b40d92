"""Device and processor knowledge, as data; every table names where it comes from."""
