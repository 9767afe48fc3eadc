"""What a report says about the inside of a step."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Inside, Size
from samefit.report import words

_OF = {
    "forward": "what it gives out differs",
    "loss": "it differs",
    "backward": "its gradient differs",
    "update": "its update differs",
    "state": "its value differs",
}


def inside_lines(inside: Inside, *, verbose: bool) -> Iterator[str]:
    """Yields what is said about the inside of a step, the place first, but for a counter of updates.

    Args:
        inside: What was found.
        verbose: Whether to say all.
    """
    if inside.removed:
        yield f"of step {inside.step}, with {' and '.join(dict.fromkeys(inside.removed))} removed:"
    if inside.failed:
        yield f"step {inside.step} could not be watched layer by layer: {inside.failed}"
        return
    # A counter of updates says little where the optimizer itself is another one.
    place = () if inside.phase == "none" else (_place(inside),)
    counted = inside.phase == "update" and inside.path.rpartition("/")[2] == "iteration"
    yield from (*inside.because, *place) if counted else (*place, *inside.because)
    for name, only in (("baseline", inside.only_in_baseline), ("candidate", inside.only_in_candidate)):
        if only and inside.phase in ("forward", "loss"):
            yield f"before it, in the {name} only: {', '.join(only)}"
    if inside.grows is not None:
        yield f"it becomes large at {_place(inside.grows)}"
        yield from inside.grows.because
    if inside.phase == "backward" and inside.num_different > 1:
        yield f"{inside.num_different} gradients differ; it is the first on the way back"
    elif verbose and inside.num_different > 1:
        yield f"{inside.num_different} differ in this phase; it is the first"
    yield from _fidelity(inside, verbose)


def _place(inside: Inside) -> str:
    call = f", call {inside.call} of {inside.calls}" if inside.calls > 1 else ""
    other = f" ({inside.candidate_path} in the candidate)" if inside.candidate_path != inside.path else ""
    equal = " from equal inputs" if inside.from_equal and inside.phase in ("forward", "loss") else ""
    return f"{inside.path}{call}{other}: {_OF[inside.phase]}{equal}{_size(inside.size)}"


def _size(size: Size | None) -> str:
    if size is None:
        return ""
    relative = "" if size.max_rel is None else f"relative {words.size(size.max_rel)}"
    far = f"{size.max_ulp:,} ulp" if size.max_ulp is not None else words.size(size.max_abs)
    far += f" ({relative})" if relative else ""
    if size.elements == 1:
        return f", by {far}"
    return f", in {size.different:,} of {size.elements:,} elements, by up to {far}"


def _fidelity(inside: Inside, verbose: bool) -> Iterator[str]:
    if any(inside.eager):
        yield "watched eagerly: the step that trains is compiled"
    off = [distance for distance in inside.distances if distance]
    if off:
        yield (
            f"run again and watched, the step comes to other bits than when it trained (relative "
            f"{words.size(max(off))}): sizes are those of the watched step"
        )
    elif verbose and None not in inside.distances:
        yield "watched, the step comes to the same bits as the step that trained"
