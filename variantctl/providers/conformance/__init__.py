"""A kit for authors of plugins: does a plugin keep to PEP 850's plugin API, and do tools cope with it?"""
