"""lm-evaluation-harness: its tasks, documents and metrics on the live model."""
