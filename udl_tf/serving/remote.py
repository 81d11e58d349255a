"""Errors of the client's end."""

from pipelines.errors import InputError


class ServerError(InputError):
    """The server does not answer, or fails: nothing is wrong with the request itself."""


def refusal(address, message):
    """The error for a request that a server refuses: its own words, in one line."""
    return InputError(f"{address} refuses the request: {' '.join(message.split())[:500]}")
