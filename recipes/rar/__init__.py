"""rar: the paper's network at the paper's size, trained without a GPU. train.yaml is the recipe."""
