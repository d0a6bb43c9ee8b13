"""Tests, intervals and effect sizes: how sure a comparison is (docs/protocol.md)."""
