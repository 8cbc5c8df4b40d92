"""What is inside a variant's wheels, in words: read from their code, beside what they declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from variant_index.inside import Inside
from variant_index.web.contents import PublishedWheel
from variantctl.values import dataclass

_MOST_NEEDED = 8


@dataclass(frozen=True, slots=True)
class InsideWheels:
    """Wheels of a variant in which there is the same.

    Attributes:
        which: the platforms of these wheels; ``""`` where it is so in all wheels of the variant.
        facts: (what, the values), in words.
    """

    which: str
    facts: tuple[tuple[str, str], ...]


def inside_words(wheels: Iterable[PublishedWheel]) -> tuple[InsideWheels, ...]:
    """What is inside the wheels of a variant, once for those that have the same."""
    groups: dict[Inside | None, list[PublishedWheel]] = {}
    for wheel in wheels:
        groups.setdefault(wheel.inside, []).append(wheel)
    if set(groups) <= {None}:
        return ()
    return tuple(
        InsideWheels(_platforms(group) if len(groups) > 1 else "", tuple(_facts(inside)))
        for inside, group in groups.items()
    )


def _platforms(wheels: Iterable[PublishedWheel]) -> str:
    tags = {(tag.interpreter, tag.platform) for wheel in wheels for tag in wheel.filename.tags}
    names = sorted({f"{interpreter} {platform}" for interpreter, platform in tags})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _facts(inside: Inside | None) -> Iterator[tuple[str, str]]:
    if inside is None:
        yield "not known", "nobody looked into it"
        return
    if not inside.libraries and not inside.unread:
        yield "no libraries", ""
        return
    yield "libraries", f"{inside.libraries:,}"
    if inside.cubin:
        yield "machine code", _joined(f"sm_{value}" for value in inside.cubin)
    if inside.ptx:
        yield "PTX, for newer GPUs too", _joined(f"compute_{value}" for value in inside.ptx)
    if inside.amd:
        yield "machine code", _joined(inside.amd)
    if inside.intel:
        yield (
            "machine code",
            _joined("SPIR-V, for any" if value == "spirv" else value for value in inside.intel),
        )
    if inside.level:
        yield "processor", f"x86-64-{inside.level}"
    if inside.needs:
        more = len(inside.needs) - _MOST_NEEDED
        yield "needs", _joined(inside.needs[:_MOST_NEEDED]) + (f" and {more} more" if more > 0 else "")
    if inside.unread:
        yield "not readable", f"{inside.unread:,}"


def _joined(values: Iterable[str]) -> str:
    return ", ".join(values)
