"""Search spaces: the unit cube that optimizers see, mapped to and from recipes."""
