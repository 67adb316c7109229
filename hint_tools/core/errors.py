"""The errors a user can meet, each with the exit code the command line answers with.

::

    HintError            1   base; never raised itself
    ├── UsageError       2   the command was asked for something it can't mean
    ├── ConfigError      3   hint.toml, a pipeline file or an option value is wrong
    ├── DataError        4   an input or a stored file is missing, broken or of another kind
    ├── RemoteError      5   a server is down, refuses the token, or answers nonsense
    └── EnvironmentFault 6   a package, a tool, disk space or a permission is missing

A message says what, where, expected and got; `hint` names one thing to try.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the `hint` command returns to the shell."""

    OK = 0
    GATE = 1
    USAGE = 2
    CONFIG = 3
    DATA = 4
    REMOTE = 5
    ENVIRONMENT = 6
    INTERRUPTED = 130


class HintError(Exception):
    """Base of every error that is the user's to mend.

    Args:
        message: what is wrong, where, expected and got; one or more sentences.
        hint: one command or action that mends it; empty when there is none.
    """

    exit_code: ExitCode = ExitCode.GATE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HintError):
    """The command was asked for something it can't mean."""

    exit_code = ExitCode.USAGE


class ConfigError(HintError):
    """A setting is missing or wrong; `problems` lists all of them at once."""

    exit_code = ExitCode.CONFIG

    def __init__(self, message: str, *, hint: str = "", problems: tuple[str, ...] = ()) -> None:
        body = message if not problems else message + "\n" + "\n".join(f"  - {p}" for p in problems)
        super().__init__(body, hint=hint)
        self.problems = problems


class DataError(HintError):
    """An input or a stored file is missing, broken, or not what it should be."""

    exit_code = ExitCode.DATA


class RemoteError(HintError):
    """A server can't be reached, refuses the credentials, or answers nonsense."""

    exit_code = ExitCode.REMOTE


class EnvironmentFault(HintError):  # noqa: N818  (EnvironmentError is a builtin)
    """A package, a tool, disk space or a permission is missing on this machine."""

    exit_code = ExitCode.ENVIRONMENT
