"""The statistics that comparisons of strategies and of merges rest on (docs/protocol.md)."""
