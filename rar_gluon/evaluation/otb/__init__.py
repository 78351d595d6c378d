"""One-pass evaluation, as on OTB."""
