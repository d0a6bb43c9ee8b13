"""What can go wrong that is no bug: a user's input, or a candidate."""


class BadInput(Exception):
    """Something the user gave cannot be used: one line saying what, where and what is allowed.

    Commands print the line and exit with code 2; anything else is a bug and keeps its traceback.
    """


class Busy(BadInput):
    """Another process is at it: an error for who asked for this alone, passed over in a sweep."""


class CandidateFailure(ValueError):
    """A candidate that cannot be measured: a failed trial, which costs budget; the search goes on."""
