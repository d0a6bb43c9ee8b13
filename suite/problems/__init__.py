"""Tasks without models: what is searched is a function, whose best values are often known.

They check the suite itself and compare strategies in seconds. `problem` says what a problem is and
makes a task of it; the other modules are sources of problems.
"""
