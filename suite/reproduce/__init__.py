"""Published scores measured again: rows, models, replies and verdicts."""
