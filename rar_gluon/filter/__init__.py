"""Section 3.3: representation to filter to response."""
