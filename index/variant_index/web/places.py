"""Every Python on every platform that a project's wheels are for, and which of the wheels fit there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from variant_index.web.audience import Audience, Device, Interpreter, Platform
from variant_index.web.contents import Project, PublishedWheel
from variant_index.web.platforms import as_on, platforms_of, pythons_of, suits
from variantctl.values import dataclass


@dataclass(frozen=True, slots=True)
class Fit:
    """How some wheels fit one Python on one platform; each tuple has an element a wheel.

    Attributes:
        ranks: the place of the best tag, 0 for the best; ``None`` where none fits.
        reasons: why none fits; ``""`` where one does.
        accepted: whether Requires-Python lets this Python in.
        python: its full version.
    """

    ranks: tuple[int | None, ...]
    reasons: tuple[str, ...]
    accepted: tuple[bool, ...]
    python: str

    @property
    def any(self) -> bool:
        """Whether some wheel can be taken."""
        return any(rank is not None and ok for rank, ok in zip(self.ranks, self.accepted, strict=True))


@dataclass(frozen=True)
class Places:
    """Where a project can be installed.

    Attributes:
        platforms: those that some wheel fits, the C library left open, the usual ones first.
        pythons: those that some wheel fits, newest first.
        devices: those that run one of the platforms.
        grounds: ``platforms``, and after them each with the C libraries that devices have.
        fits: for each of ``grounds``, for each of ``pythons``, how the wheels fit.
        environments: for each of ``platforms``, for each of ``pythons``, the values of markers.
    """

    platforms: tuple[Platform, ...]
    pythons: tuple[str, ...]
    devices: tuple[Device, ...]
    grounds: tuple[Platform, ...]
    fits: tuple[tuple[Fit, ...], ...]
    environments: tuple[Mapping[str, str], ...]

    def ground_of(self, device: Device | None, platform: Platform) -> int | None:
        """The number of the ground that a device runs a platform on; ``None`` where it cannot."""
        if device is not None and not suits(device, platform):
            return None
        return self.grounds.index(as_on(device, platform))

    def home_of(self, device: Device) -> int | None:
        """The number of the platform that a device is described with; ``None`` where no wheel is for it."""
        return next(
            (
                number
                for number, platform in enumerate(self.platforms)
                if as_on(device, platform) == device.platform
            ),
            None,
        )


def places_of(project: Project, wheels: Sequence[PublishedWheel], audience: Audience) -> Places:
    """Find out where a project's wheels can be installed.

    Args:
        project: all of it, whose tags say what may be offered.
        wheels: one wheel for each set of tags and Requires-Python, which alone decide.
        audience: for whom.
    """
    tags = {tag for release in project.releases for wheel in release.wheels for tag in wheel.filename.tags}
    platforms = platforms_of(tags)
    pythons = pythons_of(tags, audience.pythons)
    grounds_of = {
        item: dict.fromkeys(
            [item, *(as_on(device, item) for device in audience.devices if suits(device, item))]
        )
        for item in platforms
    }
    grounds = dict.fromkeys(platforms)
    for device in audience.devices:
        grounds.update(dict.fromkeys(as_on(device, item) for item in platforms if suits(device, item)))
    fits = {
        (ground, python): fit_of(audience.interpreter(ground, python), wheels)
        for ground in grounds
        for python in pythons
    }
    # A wheel may be for a newer C library than the one that is taken for granted, and fit a device's own.
    left = [
        item
        for item in platforms
        if any(fits[ground, python].any for ground in grounds_of[item] for python in pythons)
    ]
    used = [python for python in pythons if any(fits[ground, python].any for ground in grounds)]
    devices = [device for device in audience.devices if any(suits(device, item) for item in left)]
    return Places(
        platforms=tuple(left),
        pythons=tuple(used),
        devices=tuple(devices),
        grounds=tuple(grounds),
        fits=tuple(tuple(fits[ground, python] for python in used) for ground in grounds),
        environments=tuple(audience.interpreter(item, python).markers for item in left for python in used),
    )


def fit_of(interpreter: Interpreter, wheels: Sequence[PublishedWheel]) -> Fit:
    """How wheels fit one Python on one platform."""
    ranks = tuple(interpreter.rank(wheel.filename) for wheel in wheels)
    return Fit(
        ranks=ranks,
        reasons=tuple(
            interpreter.why_not(wheel.filename) if rank is None else ""
            for wheel, rank in zip(wheels, ranks, strict=True)
        ),
        accepted=tuple(interpreter.accepts_python(wheel.requires_python) for wheel in wheels),
        python=str(interpreter.python),
    )
