"""A task, the loop that searches it, and the measuring of what was found."""
