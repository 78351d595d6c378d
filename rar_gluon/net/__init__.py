"""Sections 3.1-3.2: image to reinforced attentional representation."""
