"""Checkpoints on disk and on the Hub: what they say of themselves and whether they fit together."""
