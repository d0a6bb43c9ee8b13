"""What a candidate is: a merge, a layer path or the settings of a function, and its mergekit YAML."""
