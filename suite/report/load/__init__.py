"""Results folders as checked values."""
