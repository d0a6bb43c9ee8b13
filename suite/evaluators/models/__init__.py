"""Live models behind one interface: text, pictures, stop strings."""
