"""Stand-ins for the foreign classes in checkpoints that HaMeR's own training wrote.

Such files carry their settings as yacs or OmegaConf objects, which torch's safe reader refuses. The classes
here take their place by name: they hold what was stored and can do nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

_MAX_DEPTH = 32
"""Settings are a few levels deep; a file that nests further is not one of them."""


class Inert:
    """What was stored of a foreign object: its attributes, in `state`."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __new__(cls, *_: Any) -> Inert:
        """Made from any arguments, keeping none; the reader calls this without `__init__`."""
        made = super().__new__(cls)
        made.state = {}
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


_MAPPINGS = (
    "yacs.config.CfgNode",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
)
_OBJECTS = (
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.nodes.AnyNode",
    "omegaconf.nodes.StringNode",
    "omegaconf.nodes.IntegerNode",
    "omegaconf.nodes.FloatNode",
    "omegaconf.nodes.BooleanNode",
    "typing.Any",
    # numbers and paths that training tools note beside the weights
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    "numpy.ndarray",
    "numpy.dtype",
    *(f"pathlib.{name}" for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("dict", "list", "long", "int", "set")),
)


def _emptied(*_: Any) -> OrderedDict[Any, Any]:
    """A mapping without the factory it was made with; its items are filled in by the reader."""
    return OrderedDict()


STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    # the safe reader fills in items of no class but its own few; an ordered dict is one of them
    *((OrderedDict, name) for name in _MAPPINGS),
    (_emptied, "collections.defaultdict"),
    *((Inert, name) for name in _OBJECTS),
]
"""(stand-in, full name) pairs for `torch.serialization.safe_globals`."""


def plain(value: Any, depth: int = 0) -> Any:
    """Dicts, lists and numbers of a value that may hold stand-ins; None for what is none of these.

    yacs keeps settings as items, OmegaConf keeps a container's in `_content` and a number's in `_val`.
    """
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, Inert):
        for kept in ("_val", "_content"):
            if kept in value.state:
                return plain(value.state[kept], depth + 1)
        return None
    if isinstance(value, dict):
        return {str(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, depth + 1) for v in value]
    return value if isinstance(value, str | int | float | bool) else None
