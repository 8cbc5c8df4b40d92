"""What libraries were built for, read from their own bytes. Nothing here opens, loads or runs a file."""
