"""Files of a dataset to sequences: frames and boxes. Read in the official folders, without conversion."""
