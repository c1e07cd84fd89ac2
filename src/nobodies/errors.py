"""Every error that nobodies raises on purpose.

A `NobodiesError` is something the caller can act on. Its message is one line that says what came, what was wanted
and what to try. Anything else that escapes from this package is a bug.
"""


class NobodiesError(Exception):
    """Base of all errors raised on purpose."""


class SettingError(NobodiesError, ValueError):
    """A setting, option, seed or wish has a value that cannot be used."""


class ShapeError(NobodiesError, ValueError):
    """An array does not have the shape or type that was asked for."""


class SearchError(NobodiesError):
    """A bounded search ended before it found what was wanted."""


class ModelError(NobodiesError):
    """A model is unknown, absent or cannot be fetched."""


class WeightsError(NobodiesError):
    """A file of weights is damaged, foreign, or not the file that was promised."""


class InputError(NobodiesError):
    """A picture, video or other file given to us cannot be read."""


class OutputError(NobodiesError):
    """A file cannot be written where it was asked for."""


class DependencyError(NobodiesError):
    """An optional part of nobodies is needed and not installed."""


class TrainingError(NobodiesError):
    """A training run cannot begin, go on or be continued."""


class WorkerError(NobodiesError):
    """Workers that were to share the work cannot be had, or were lost again and again."""


class BusyError(NobodiesError):
    """There is more to do than can be done soon."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        """Say what is waited for, and after how many seconds another try is worth it."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnreachableError(BusyError):
    """A database that is needed does not answer; it may again in a while."""
