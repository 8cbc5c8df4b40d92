"""The Python environment that is installed into: its interpreter, tags, markers, folders and packages."""
