"""PNG and SVG figures."""
