"""The recipe of stand-in wheels that the demo builds and installs."""
