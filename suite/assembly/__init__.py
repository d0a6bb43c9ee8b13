"""From configuration to objects: Hydra stops here."""
