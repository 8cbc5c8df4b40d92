"""The cache folder: index pages, wheels as files and unpacked, their manifests, pruning and checking."""
