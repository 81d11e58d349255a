"""The exceptions for input a user can mend."""


class InputError(ValueError):
    """Bad input: one clear line that names what was received and what was expected.

    Commands print it after ``error: `` and exit with code 2.
    """


class NoAnswerError(InputError):
    """Input in which there is nothing to be found, however often one asks: what was computed of it is of no more use."""
