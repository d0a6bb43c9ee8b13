"""What is written down: trials, judged models, claims, and the folder of a run that holds them."""
