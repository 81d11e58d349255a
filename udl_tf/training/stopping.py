"""Signals that ask a run to stop: it ends after the step it is in, so that what it saves fits together."""

import contextlib
import signal
import threading

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: start the same again


class TerminatedError(Exception):
    """The process was asked to end (SIGTERM), has saved what it needs to go on, and should exit with `EXIT_CODE`."""


class Stop:
    """What was asked for: `asked` is None, or the signal's number."""

    asked = None


@contextlib.contextmanager
def on_signals():
    """Context manager: gives a `Stop` that SIGTERM (Slurm, before its time limit) and Ctrl-C set.

    A second Ctrl-C raises KeyboardInterrupt at once. Outside the main thread, where Python has no signals, nothing is caught; a
    signal that is ignored stays so.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number, frame):
        if stop.asked == number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.asked = number

    numbers = [number for number in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
