"""Measured beside published."""
