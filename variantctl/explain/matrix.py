"""What each of several machines would get, and how much each would download."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from variantctl.net.sizes import file_size
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.resolve.resolver import Request, resolve
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.algorithm import Machine
    from variantctl.target.platforms import Platform

_PARALLEL = 8

Sizes = Callable[[Sequence[PlannedInstall]], Sequence[int | None]]
"""The bytes of each wheel, ``None`` where nobody says."""


@dataclass(frozen=True)
class MatrixMachine:
    """A machine that is resolved for.

    Attributes:
        name: ``this machine``, or what its profile is called.
        machine: what variant properties it supports.
        platform: its tags and markers.
        who: what it is called in messages.
    """

    name: str
    machine: Machine
    platform: Platform
    who: str


@dataclass(frozen=True)
class Row:
    """What one machine would get.

    Attributes:
        name: the machine's.
        plan: what an install into an empty environment would do there; ``None``: it cannot be done.
        sizes: the bytes of each wheel of the plan, in its order; ``None`` where nobody says.
        error: why there is no plan.
    """

    name: str
    plan: Plan | None = None
    sizes: tuple[int | None, ...] = ()
    error: VariantctlError | None = None

    @property
    def install(self) -> tuple[PlannedInstall, ...]:
        """The wheels; none where there is no plan."""
        return self.plan.install if self.plan else ()

    @property
    def size(self) -> int | None:
        """The bytes of the whole download; ``None`` where a wheel's are not known, or there is no plan."""
        known = [size for size in self.sizes if size is not None]
        return sum(known) if self.plan and len(known) == len(self.sizes) else None

    def as_json(self) -> dict[str, Any]:
        """An element of ``machines`` in ``matrix --json``."""
        if self.error is not None:
            error = {
                "kind": self.error.kind,
                "message": self.error.message,
                "hint": self.error.hint or "",
            }
            return {"machine": self.name, "status": "error", "error": error}
        return {
            "machine": self.name,
            "status": "ok",
            "install": [
                {**planned.as_json(), "requested": planned.requested, "size": size}
                for planned, size in zip(self.install, self.sizes, strict=True)
            ],
            "size": self.size,
            "passed_over": [item.as_json() for item in self.plan.passed_over] if self.plan else [],
            "notes": list(self.plan.notes) if self.plan else [],
        }


def matrix(
    request: Request,
    machines: Iterable[MatrixMachine],
    *,
    package_finder: PackageFinder,
    sizes: Sizes | None = None,
) -> Iterator[Row]:
    """Resolve the same request for one machine after the other.

    Args:
        request: what is asked for.
        machines: which machines.
        package_finder: where wheels come from.
        sizes: by default what the index says of each wheel, else its server.

    Yields:
        A row for each machine, as soon as it is known; a machine for which it cannot be done has the reason.
    """
    sizes = sizes or WheelSizes(package_finder)
    for each in machines:
        try:
            plan = resolve(
                request,
                package_finder=package_finder,
                machine=each.machine,
                platform=each.platform,
                who=each.who,
            )
        except VariantctlError as error:
            yield Row(each.name, error=error)
        else:
            yield Row(each.name, plan, tuple(sizes(plan.install)))


class WheelSizes:
    """The sizes of wheels, each asked for once."""

    def __init__(self, package_finder: PackageFinder) -> None:
        self._package_finder = package_finder
        self._known: dict[str, int | None] = {}

    def __call__(self, planned: Sequence[PlannedInstall]) -> list[int | None]:
        """The bytes of each wheel, in order."""
        new = [item for item in planned if item.url not in self._known]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            found = pool.map(lambda item: file_size(item.link.file, self._package_finder.client), new)
            self._known.update(zip((item.url for item in new), found, strict=True))
        return [self._known[item.url] for item in planned]
