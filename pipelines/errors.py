"""The one exception for input a user can mend."""


class InputError(ValueError):
    """Bad input: one clear line that names what was received and what was expected.

    Commands print it after ``error: `` and exit with code 2.
    """
