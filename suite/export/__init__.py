"""One merge as a folder that anybody can load: weights, tokenizer, recipe and a model card."""
