"""From arguments to a command, and from errors to exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import SUPPRESS
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from variantctl import __version__
from variantctl.cli import render
from variantctl.cli.commands import COMMANDS, GROUPS
from variantctl.cli.habits import IGNORED, IGNORED_BY_LOCAL, LOCAL_COMMANDS
from variantctl.cli.terminal import guard, restore, sink
from variantctl.variants.errors import VariantctlError

EPILOG = "'variantctl help COMMAND' shows what a command does, and its options."
_IGNORED = "ignored_option"
_BELOW = 6
"""Where what an example is for begins, if it does not stand beside the example."""


class UsageError(VariantctlError):
    """The command line does not say something that can be done.

    Attributes:
        usage: the command's usage in a line, which a person sees below the hint; ``""``: not known yet.
    """

    kind = "usage"

    def __init__(self, message: str, *, hint: str | None = None, usage: str = "") -> None:
        super().__init__(message, hint=hint)
        self.usage = usage


class _Line(argparse.Action):
    """A line of help that is no argument."""

    def __init__(self, head: str, text: str) -> None:
        super().__init__([], dest="", metavar=head, help=text)

    def __call__(self, *_arguments: Any) -> None:
        """Nobody types it."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`UsageError` and imports rich only to draw its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)
        self._mixing = False
        self._shapes: dict[argparse.Action, Any] = {}
        self._words: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Take options between positional arguments too (``install torch -U numpy``), as pip and uv do."""
        if self._mixing:
            return super().parse_known_args(args, namespace)
        self._words = list(args or ())
        self._shapes = {action: action.nargs for action in self._actions if not action.option_strings}
        shapes = set(self._shapes.values())
        if not shapes or shapes & {argparse.PARSER, argparse.REMAINDER}:
            found, rest = super().parse_known_args(args, namespace)
        else:
            found, rest = self._intermixed(args, namespace)
        if rest:
            # Told here, where the command's own usage is known, and not by the parser of all commands.
            self._refuse(rest)
        return found, rest

    def _intermixed(self, args: Any, namespace: Any) -> Any:
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False

    def _refuse(self, words: Sequence[str]) -> NoReturn:
        from variantctl.cli.habits import of_option
        from variantctl.cli.usage_words import unknown_words

        known = [
            name for action in self._actions for name in action.option_strings if action.help != SUPPRESS
        ]
        said = [hint for word in words if word.startswith("-") and (hint := of_option(word, known))]
        self._usage_error(unknown_words(words), said)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError:
            if isinstance(action, argparse._SubParsersAction):
                self._refuse_command(value, list(action.choices))
            from variantctl.variants.suggestions import did_you_mean

            choices = [str(choice) for choice in action.choices or ()]
            near = did_you_mean(str(value), choices)
            name = max(action.option_strings or (str(action.metavar or action.dest),), key=len)
            self._usage_error(f"{name}: there is no {value!r}", [near or f"There are: {', '.join(choices)}."])

    def _refuse_command(self, word: str, known: Sequence[str]) -> NoReturn:
        from variantctl.cli.habits import of_action, of_command

        if self.prog.count(" "):
            near, kind = of_action(" ".join(self.prog.split()[1:]), word, known), "action"
        else:
            near, kind = of_command(word, known, self._words), "command"
        self._usage_error(f"there is no {kind} {word!r}", [near or f"There are: {', '.join(known)}."])

    def error(self, message: str) -> NoReturn:
        actions = next((each for each in self._actions if isinstance(each, argparse._SubParsersAction)), None)
        if actions is not None and message.endswith(f"are required: {actions.metavar}"):
            kind = str(actions.metavar).lower()
            self._usage_error(f"the {kind} is missing", [f"There are: {', '.join(actions.choices)}."])
        from variantctl.cli.usage_words import in_words

        example = self._first_example() if "required" in message else None
        self._usage_error(in_words(message), [f"For example: `{example}`."] if example else [])

    def _usage_error(self, message: str, said: Sequence[str]) -> NoReturn:
        raise self.with_usage(UsageError(message, hint="\n".join(said) or None))

    def with_usage(self, error: UsageError) -> UsageError:
        """The same error, with the usage in a line; where it has no hint, `--help` is one."""
        if error.usage:
            return error  # `help COMMAND` asked the parser of all commands, which told its own
        hint = error.hint or f"`{self.prog} --help` shows the options and examples."
        return UsageError(error.message, hint=hint, usage=self._short_usage())

    def _short_usage(self) -> str:
        """``variantctl explain [OPTIONS] REQUIREMENT [REQUIREMENT ...]``: all options would fill a screen."""
        # While options and words may be mixed, argparse puts its own long usage there, and hides the words.
        if self.usage and "[OPTIONS]" in self.usage:
            return self.usage
        hidden = {action: action.nargs for action in self._shapes}
        for action, shape in self._shapes.items():
            action.nargs = shape
        formatter = self._get_formatter()
        formatter.add_usage(None, self._get_positional_actions(), [], prefix="")
        words = " ".join(formatter.format_help().split())
        for action, shape in hidden.items():
            action.nargs = shape
        return words.replace(self.prog, f"{self.prog} [OPTIONS]", 1)

    def _print_message(self, message: str, file: Any = None) -> None:
        # Help and the version are our own words; rich-argparse styles them.
        if message:
            sink(file or sys.stderr).styled(message)

    def format_help(self) -> str:
        """The usage in a line, examples, and then the commands or the options."""
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            self.formatter_class = _colored_formatter()
        head = self._get_formatter()
        head.add_usage(self._short_usage().replace("%", "%%"), [], [])
        head.add_text(self.description)
        sections = self._overview() if self.prog.count(" ") == 0 else self._sections()
        tail = self._get_formatter()
        tail.add_text(self.epilog)
        parts = [head.format_help(), self._examples(), *sections, tail.format_help()]
        return "\n".join(part for part in parts if part)

    def _first_example(self) -> str | None:
        from variantctl.cli import examples

        return next((line for line, _ in examples.of(" ".join(self.prog.split()[1:]))), None)

    def _examples(self) -> str:
        from variantctl.cli import examples

        lines = examples.of(" ".join(self.prog.split()[1:]))
        longest = max((len(line) for line, _ in lines), default=0)
        room = self._get_formatter()._width - longest - 4
        # Where one of them has no room for what it is for, that goes below them all.
        position = longest + 4 if all(len(purpose) <= room for _, purpose in lines) else _BELOW
        return self._section("examples", [_Line(*each) for each in lines], position)

    def _overview(self) -> list[str]:
        """The commands by task, and then the options."""
        commands = next(a for a in self._actions if isinstance(a, argparse._SubParsersAction))
        lines = {action.dest: action for action in commands._choices_actions}
        groups = [self._section(title, [lines[name] for name in names]) for title, names in GROUPS.items()]
        return [
            *groups,
            self._section("options", [action for action in self._actions if action is not commands]),
        ]

    def _sections(self) -> list[str]:
        return [
            self._section(group.title or "", group._group_actions, text=group.description)
            for group in self._action_groups
        ]

    def _section(
        self,
        title: str,
        actions: Sequence[argparse.Action],
        position: int | None = None,
        text: str | None = None,
    ) -> str:
        """A title, and a line for each action. One formatter for all would put all texts in one column."""
        formatter = self._get_formatter()
        if position is not None:
            formatter._max_help_position = position
        formatter.start_section(title)
        formatter.add_text(text)
        formatter.add_arguments(actions)
        formatter.end_section()
        return formatter.format_help()


def _colored_formatter() -> type[argparse.HelpFormatter]:
    from rich_argparse import RichHelpFormatter

    # What stands between brackets is ours ("[tool.variantctl]"), not a style; and white is not read on white.
    RichHelpFormatter.text_markup = RichHelpFormatter.help_markup = False
    RichHelpFormatter.group_name_formatter = str
    RichHelpFormatter.styles["argparse.prog"] = "bold"
    return RichHelpFormatter


def command_named(arguments: Sequence[str]) -> str | None:
    """The first argument that is not an option: no option before the command takes a value."""
    return next((argument for argument in arguments if not argument.startswith("-")), None)


def build_parser(only: str | None, *, alone: bool = False) -> Parser:
    """The whole parser, or what one command needs of it.

    Args:
        only: the modules of other commands are not imported (``None``: all are).
        alone: leave other commands out altogether, where nothing will list them: each takes a millisecond.
    """
    parser = Parser(
        prog="variantctl",
        description="Installs the right GPU or CPU build of every Python package for this machine.",
        epilog=EPILOG,
    )
    parser.add_argument("-V", "--version", action="version", version=f"variantctl {__version__}")
    _add_common(parser)
    subparsers = parser.add_subparsers(metavar="COMMAND", dest="command", parser_class=Parser)
    for name, command in COMMANDS.items():
        if alone and name != only:
            continue
        subparser = subparsers.add_parser(
            name, help=command.help, description=command.help.capitalize() + "."
        )
        if only in (None, name):
            import_module(command.module).add_arguments(subparser)
            for each in _with_nested(subparser):
                _add_common(each)
                _add_ignored(each, IGNORED)
            if name in LOCAL_COMMANDS:
                _add_ignored(subparser, IGNORED_BY_LOCAL)
    return parser


def _with_nested(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A command's parser and those of its actions (``index build``): each takes the common options."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for nested in dict.fromkeys(action.choices.values()):
                yield from _with_nested(nested)


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    # SUPPRESS: given before the command or after it, neither undoes the other.
    quiet = {"action": "store_true", "default": argparse.SUPPRESS}
    group.add_argument("-v", "--verbose", help="show more, and a traceback when something fails", **quiet)  # type: ignore[arg-type]
    group.add_argument("-q", "--quiet", help="show errors only", **quiet)  # type: ignore[arg-type]


def _add_ignored(parser: argparse.ArgumentParser, options: Mapping[str, int]) -> None:
    """Options of pip and uv that ask for what happens here anyway: scripts need not be changed for them."""
    known = parser._option_string_actions
    for name, values in options.items():
        if name not in known:
            action: dict[str, Any] = {"action": "store_true"} if not values else {"metavar": "X"}
            parser.add_argument(name, dest=_IGNORED, default=SUPPRESS, help=SUPPRESS, **action)


def run(arguments: list[str]) -> int:
    """Parse ``arguments``, run the command, and turn what it raises into a message and an exit code."""
    before = guard()
    try:
        return _guarded(arguments)
    finally:
        restore(before)


def _guarded(arguments: list[str]) -> int:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if command_named(arguments) == "run":
        # What follows the script is its own.
        options = arguments[: arguments.index("run")]
    as_json = "--json" in options
    verbose = "--verbose" in options or "-v" in options
    try:
        return _dispatch(arguments)
    except UsageError as error:
        return render.failure(error, as_json=as_json, code=2, usage=error.usage)
    except VariantctlError as error:
        return render.failure(error, as_json=as_json, code=1, traceback=verbose)
    except KeyboardInterrupt:
        return render.interrupted(arguments)
    except BrokenPipeError:
        # The reader of our output went away (a pager, head): no error of ours. The interpreter would
        # complain once more when it flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        return render.failure(_system_error(error), as_json=as_json, code=1, traceback=verbose)
    except (RecursionError, MemoryError, ValueError) as error:
        said = _input_error(error)
        if said is None:
            return render.bug(error, as_json=as_json, traceback=verbose)
        return render.failure(said, as_json=as_json, code=1, traceback=verbose)
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback reaches a user unasked
        return render.bug(error, as_json=as_json, traceback=verbose)


def _dispatch(arguments: list[str]) -> int:
    # Options before the command may ask for the list of commands (`-h`).
    parser = build_parser(command_named(arguments) or "", alone=bool(arguments) and arguments[0] in COMMANDS)
    args = parser.parse_args(arguments)
    args.arguments = arguments
    render.set_verbosity(verbose="verbose" in args, quiet="quiet" in args)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        result: int = import_module(COMMANDS[args.command].module).run(args)
    except UsageError as error:
        raise _with_usage(error, parser, args) from error
    sys.stdout.flush()
    return result


def _with_usage(error: UsageError, parser: Parser, args: argparse.Namespace) -> UsageError:
    """The same, with the usage of the command that raised it, and of its action if it has any."""
    words = [args.command, *([args.action] if "action" in args else [])]
    for word in words:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                parser = action.choices[word]
    return parser.with_usage(error)


def _system_error(error: OSError) -> VariantctlError:
    """An operating system's refusal that no room gave words of its own."""
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
    missing = isinstance(error, FileNotFoundError) and where
    wrapped = VariantctlError(
        f"{where}{'there is no such file or folder' if missing else error.strerror or error}"
    )
    wrapped.kind = "system"
    wrapped.__cause__ = error
    return wrapped


def _input_error(error: Exception) -> VariantctlError | None:
    """What an input did that no room has words for: too deep, too long, too large, or a name without text."""
    if isinstance(error, RecursionError):
        said = "something that was read is nested too deeply"
    elif isinstance(error, MemoryError):
        said = "there is not enough memory for this"
    elif isinstance(error, UnicodeEncodeError):
        said = f"a name that was read is not UTF-8 ({error.reason})"
    elif "embedded null" in str(error):
        said = "a name that was read has a NUL in it, and no file has"
    elif "integer string conversion" in str(error):
        said = "a number that was read has too many digits"
    else:
        return None
    wrapped = VariantctlError(said, hint="Run it again with --verbose to see where it was met.")
    wrapped.kind = "input"
    wrapped.__cause__ = error
    return wrapped
