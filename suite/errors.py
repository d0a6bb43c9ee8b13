"""The one exception a user is meant to see."""


class BadInput(Exception):
    """Something the user gave cannot be used: one line saying what, where and what is allowed.

    Commands print the line and exit with code 2; anything else is a bug and keeps its traceback.
    """
