"""Clips to weights."""
