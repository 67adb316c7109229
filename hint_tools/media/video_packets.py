"""What the packets of a video say, without decoding them: when each is shown, which ones decoding can begin at.

An MP4 or MOV file says so in tables of its own. Where those are plain, and FFmpeg's demuxer built the same index of
them, no packet is read; otherwise every one is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hint_tools.media.mp4_boxes import NotPlainError
from hint_tools.media.mp4_samples import Bools, Longs, Samples, samples_of

READING_ERRORS = (av.error.FFmpegError, IndexError)
"""What demuxing and decoding damaged bytes raises; IndexError where a stream turns up that the header did not name."""
_KEY, _HIDDEN = 1, 2
"""`AVINDEX_KEYFRAME`, `AVINDEX_DISCARD_FRAME`."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where in its file each packet of a video lies, in decoding order.

    Args:
        samples: as the file's tables tell of them.
        stamps: when each is shown (n,), int64, ticks of the stream.
    """

    samples: Samples
    stamps: Longs

    def spans(self, key: int, wanted: Collection[int], beyond: int) -> list[tuple[int, int]]:
        """(first byte, one after the last) of what must be read for some pictures of a key-frame group.

        Args:
            key: stamp of the group's key frame.
            wanted: stamps of the pictures.
            beyond: packets to read after the last of them.
        """
        first = int(np.flatnonzero(self.stamps == key)[0])
        last = int(np.flatnonzero(np.isin(self.stamps, list(wanted))).max(initial=first))
        part = slice(min(first, last), last + beyond + 1)
        places, sizes = self.samples.places[part], self.samples.sizes[part]
        return list(zip(places.tolist(), (places + sizes).tolist(), strict=True))


@dataclass(slots=True)
class Packets:
    """What the packets of a picture stream say.

    Args:
        shown: presentation stamps of those that are shown, in decoding order.
        keys: stamps of those decoding can begin at, hidden ones too.
        durations: stamp -> ticks, of those shown.
        first: the first picture that could be decoded.
        reordered: pictures are stored in another order than shown.
        last_dts: decoding stamp of the last one.
        count: of all.
        without_pts: how many have no stamp.
        end: when the last shown frame stops being shown.
        damage: what is wrong with the end of the file; empty when it is whole.
        layout: where each lies; None where the packets had to be read to know.
        read_whole: why every packet was read; empty where the file's tables told.
    """

    shown: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    durations: dict[int, int] = field(default_factory=dict)
    first: VideoFrame | None = None
    reordered: bool = False
    last_dts: int | None = None
    count: int = 0
    without_pts: int = 0
    end: int = 0
    damage: str = ""
    layout: Layout | None = None
    read_whole: str = ""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of an MP4 or MOV file.

    Args:
        movie: content of its `moov` box.
        size_bytes: of the file.
    """

    movie: bytes
    size_bytes: int


def tabled_packets(tables: Tables | NotPlainError, container: InputContainer, stream: VideoStream) -> Packets:
    """What a file's tables say of its packets; as many are read as it takes to decode a picture.

    Args:
        tables: of the file, or why they can't be had.
        container: just opened.
        stream: its picture stream.

    Raises:
        NotPlainError: the tables alone can't tell.
    """
    if "mp4" not in container.format.name:
        raise NotPlainError("it is no MP4 or MOV file")
    if isinstance(tables, NotPlainError):
        raise tables
    samples, times, hidden = _agreed(samples_of(tables.movie, stream.id, tables.size_bytes), stream)
    # FFmpeg shows everything later by as much as the lowest offset is below zero
    stamps = times + samples.offsets + max(0, -int(samples.offsets.min()))
    shown = ~hidden
    packets = Packets(
        shown=stamps[shown].tolist(), keys=stamps[samples.keys].tolist(),
        durations=dict(zip(stamps[shown].tolist(), samples.steps[shown].tolist(), strict=True)),
        reordered=bool((stamps != times).any()), last_dts=int(times[-1]), count=len(samples),
        end=max(0, int((stamps + samples.steps)[shown].max(initial=0))), layout=Layout(samples, stamps),
    )  # fmt: skip
    if len(packets.durations) != len(packets.shown):
        raise NotPlainError("two of its pictures are shown at one time")
    packets.first = _first_of(container, stream, list(zip(stamps.tolist(), times.tolist(), strict=True)))
    return packets


def _agreed(samples: Samples, stream: VideoStream) -> tuple[Samples, Longs, Bools]:
    """(those an edit list leaves over, the decoding stamp of each, whether the edit list hides it), as FFmpeg counts.

    Raises:
        NotPlainError: FFmpeg's index has other samples, at other places, or is shifted unevenly (edits inside).
    """
    entries = stream.index_entries
    if len(entries) > len(samples):
        raise NotPlainError("its edit list repeats pictures")
    told = ((e.pos, e.size, e.timestamp, e.flags) for e in entries)
    index: Longs = np.asarray(np.fromiter(told, np.dtype((np.int64, 4)), len(entries)), np.int64)
    begins = np.flatnonzero(samples.places == index[0, 0]) if len(index) else np.zeros(0, np.int64)
    if len(begins) != 1 or begins[0] + len(index) > len(samples):
        raise NotPlainError("its edit list repeats pictures")
    if len(index) < len(samples) and (samples.steps != samples.steps[0]).any():
        raise NotPlainError("its edit list leaves out pictures, and others last longer")
    samples = samples.part(int(begins[0]), len(index))
    times, flags = index[:, 2], index[:, 3] & (_KEY | _HIDDEN)  # two bits with a sign
    same = (index[:, 0] == samples.places).all() and (index[:, 1] == samples.sizes).all()
    same = same and ((flags & _KEY > 0) == samples.keys).all()
    shifts = times - samples.times
    if not same or (shifts != shifts[0]).any():
        raise NotPlainError("FFmpeg reads its tables in another way")
    return samples, times, flags & _HIDDEN > 0


def _first_of(container: InputContainer, stream: VideoStream, expected: Sequence[tuple[int, int]]) -> VideoFrame | None:
    """The first picture that can be decoded, as `read_packets` finds it.

    Args:
        container: just opened.
        stream: its picture stream.
        expected: presentation and decoding stamp of each packet, as the tables say.

    Raises:
        NotPlainError: the packets read for it are not what the tables say.
    """
    try:
        for number, packet in enumerate(container.demux(stream)):
            if number == 0 and not packet.is_keyframe:
                raise NotPlainError("it begins with no key frame", spent=True)
            if number < len(expected) and (packet.pts, packet.dts) != expected[number]:
                raise NotPlainError("FFmpeg reads its tables in another way", spent=True)
            if (first := _first_frame(packet)) is not None:
                return first
    except READING_ERRORS as error:
        raise NotPlainError("its first pictures can't be read", spent=True) from error
    return None


def read_packets(container: InputContainer, stream: VideoStream) -> Packets:
    """What all packets say, each of them read.

    Args:
        container: just opened; at its end afterwards.
        stream: its picture stream.
    """
    seen = Packets()
    try:
        for packet in container.demux(stream):
            seen.first = seen.first or _first_frame(packet)
            if packet.size:
                _note(seen, packet)
    except READING_ERRORS as error:
        seen.damage = f"reading stopped half-way ({reason(error)})"
    promised = _promised_packets(container, stream)
    if promised is not None and seen.count < promised:
        seen.damage = f"the header promises {promised} frames, the file holds {seen.count}"
    return seen


def _note(seen: Packets, packet: Packet[VideoStream]) -> None:
    seen.count += 1
    if packet.is_corrupt:
        seen.damage = "the last packet is cut off"
    seen.reordered |= packet.dts is not None and packet.pts != packet.dts
    seen.last_dts = packet.dts if packet.dts is not None else seen.last_dts
    if packet.pts is None:
        seen.without_pts += 1
        return
    if packet.is_keyframe:
        seen.keys.append(packet.pts)
    if not packet.is_discard:
        seen.shown.append(packet.pts)
        seen.durations[packet.pts] = packet.duration or 0
        seen.end = max(seen.end, packet.pts + (packet.duration or 0))


def reason(error: BaseException) -> str:
    """What FFmpeg or the system says."""
    return str(getattr(error, "strerror", "") or error)


def _first_frame(packet: Packet[VideoStream]) -> VideoFrame | None:
    """The first frame that comes out when `packet` goes in; None when none does, or not undamaged."""
    with contextlib.suppress(*READING_ERRORS):
        return next((f for f in packet.decode() if isinstance(f, VideoFrame)), None)
    return None


def _promised_packets(container: InputContainer, stream: VideoStream) -> int | None:
    """How many packets the file's own header lists; None for formats that don't say."""
    if container.format.name == "avi":
        return stream.frames or None
    entries = getattr(stream, "index_entries", None)
    return len(entries) if entries is not None and "mp4" in container.format.name else None
