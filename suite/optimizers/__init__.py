"""Optimizers behind one ask/tell contract; each module's `make` is what a configuration names."""
