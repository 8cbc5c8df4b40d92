"""The machine and the platform that a command chooses for."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from variantctl.cli import options, render
from variantctl.cli.platform_options import described, is_platform_named, platform_named
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.providers.algorithm import Machine
    from variantctl.providers.profiles import Profile
    from variantctl.requirements.files import RequirementFile
    from variantctl.target.environment import Environment
    from variantctl.target.platforms import Platform


class PlatformMismatchError(VariantctlError):
    """A profile's platform is not the one of the environment that would be changed."""

    kind = "platform-mismatch"


@dataclass(frozen=True)
class TargetMachine:
    """What is resolved for.

    Attributes:
        machine: what variant properties are supported.
        platform: the tags and markers.
        who: ``this machine`` or ``profile h100``, for messages.
    """

    machine: Machine
    platform: Platform
    who: str


def subject_of(
    args: argparse.Namespace, environment: Environment | None, files: RequirementFile | None = None
) -> TargetMachine:
    """The machine and the platform: the profile's where one is given, else this one's."""
    from variantctl.providers.algorithm import Machine, ProviderSettings
    from variantctl.target.platforms import platform_environment

    settings = ProviderSettings(
        enabled=frozenset(args.enable_provider),
        disabled=frozenset(args.disable_provider),
        trusted=frozenset(args.trust_provider),
        sources=partial(options.plugin_sources, args, files),
        accelerator_of=options.accelerator_of(args),
    )
    platform: Platform = environment or platform_environment()
    named = is_platform_named(args)
    if named and args.profile is None:
        from variantctl.providers.profiles import Profile

        platform, who = platform_named(args, platform), described(args)
        # Of a platform that is named nothing is known but its tags; another Python is still on this machine.
        unknown = Profile(who) if args.platform else None
        return TargetMachine(Machine(unknown, settings, environment=platform.markers), platform, who)
    if args.profile is None:
        return TargetMachine(Machine(None, settings, environment=platform.markers), platform, "this machine")
    from variantctl.providers.profiles import load_profile

    profile = load_profile(args.profile)
    platform = platform_of(profile, environment) or platform
    platform = platform_named(args, platform) if named else platform
    return TargetMachine(
        Machine(profile, settings, environment=platform.markers), platform, f"profile {profile.name}"
    )


def platform_of(profile: Profile, environment: Environment | None) -> Platform | None:
    """The platform that a profile describes, what it leaves open as *environment* has it; ``None``: it
    describes none."""
    from variantctl.target.platforms import platform_environment

    facts = profile.platform
    if facts is None:
        return None
    return platform_environment(
        system=facts.system, machine=facts.machine, libc=facts.libc, python=facts.python, base=environment
    )


def refuse_other_platform(environment: Environment, subject: TargetMachine) -> None:
    """Raise unless what is chosen for ``subject`` would run in ``environment``.

    A folder (``--target``, ``--prefix``) can be carried to another machine; an environment belongs to its
    interpreter, and files for another one would only break it.
    """
    if environment.kind in ("target", "prefix"):
        return
    here, there = environment.markers, subject.platform.markers
    for marker, word in (
        ("platform_system", "system"),
        ("platform_machine", "machine"),
        ("python_version", "Python"),
        ("implementation_name", "implementation"),
    ):
        if here[marker] != there[marker]:
            raise PlatformMismatchError(
                f"{subject.who} is for {word} {there[marker]}, "
                f"and {environment.prefix} is of {word} {here[marker]}",
                hint="Install into a folder for that machine with --target DIR, or only look with --dry-run.",
            )


def show_notes(subject: TargetMachine, notes: Sequence[str] = (), warnings: Collection[str] = ()) -> None:
    """What providers and the resolution have to say, on standard error.

    Args:
        subject: the machine.
        notes: what there is to say.
        warnings: those of the notes that tell of a fault: of a source, or of its metadata.
    """
    for note in notes:
        (render.warning if note in warnings else render.note)(note)
    for provider_note in subject.machine.notes:
        text = f"{provider_note.namespace}: {provider_note.message}"
        if provider_note.status in ("untrusted", "error"):
            render.warning(text)
        else:
            render.detail(text)
