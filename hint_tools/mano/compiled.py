"""Functions compiled by numba, kept on disk between runs where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from hint_tools.core.errors import EnvironmentFault

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """`function` in machine code; compiled when it is first called.

    numba keeps the result beside the module, else in the user's cache folder. Where it may write to
    neither (a read-only installation without a home), it compiles anew in every process.

    Raises:
        EnvironmentFault: numba is not installed.
    """
    try:
        from numba import njit
    except ImportError as error:
        raise EnvironmentFault(
            "drawing meshes needs numba, which is not installed", hint="pip install 'hint-tools[train]'"
        ) from error
    try:
        return cast("F", njit(cache=True)(function))
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        return cast("F", njit(function))
