"""Merges by one fused Triton kernel on a CUDA device (``merging.mode``, docs/merging.md)."""
