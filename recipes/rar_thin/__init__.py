"""rar_thin: records, training, judging and shipping. train.yaml is the recipe, with every command in its header."""
