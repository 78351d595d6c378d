"""VOT's supervised evaluation: a tracker that is restarted after failures."""
