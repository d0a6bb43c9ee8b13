"""vLLM generates the replies (``engine=vllm``, docs/engines.md)."""
