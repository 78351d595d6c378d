"""What ships with the package, and how it is made."""
