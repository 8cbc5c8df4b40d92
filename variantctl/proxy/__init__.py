"""A Simple API that shows stock tools the chosen variant of each version as an ordinary wheel."""
