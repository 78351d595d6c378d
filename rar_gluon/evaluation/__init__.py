"""Boxes over time: protocols as data, metrics, readers of published results."""
