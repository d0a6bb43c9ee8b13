"""From a reply and its item to outcomes in [0, 1]."""
