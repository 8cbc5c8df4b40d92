"""Classes that hold values: ``dataclasses`` in a tenth of the time that it takes to make a class.

The standard library writes the source of each method of a class and compiles it: half a millisecond a class,
which a program of two hundred pays at each start, and 5 ms to import itself. Here all classes share their
methods, but ``__init__``, which is made for each when its first instance is. Measured with the modules that
an install imports, in CPU time: 118 ms with it, 168 ms with ``dataclasses``.

They behave as those of ``dataclasses`` do, and for a type checker they are those. These are the differences:

- ``dataclasses.is_dataclass`` is false, so ``rich``, ``pprint`` and ``hypothesis`` do not look into a value.
- ``InitVar``, ``fields``, ``astuple``, ``unsafe_hash``, ``match_args`` and ``weakref_slot`` are left out.
- ``__init__`` is made when the first instance is; ``inspect.signature`` of a class shows it from then on.
- ``super()`` without arguments does not work in a method of a class with slots (nor in ``dataclasses`` before
  Python 3.14).
"""

from __future__ import annotations

from operator import attrgetter, ge, gt, le, lt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import asdict as asdict
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
    from typing import Any

__all__ = ["FrozenInstanceError", "asdict", "dataclass", "field", "replace"]

_set = object.__setattr__


class FrozenInstanceError(AttributeError):
    """A value was to be changed."""


class _Missing:
    """Stands for what is not given; a factory's default in signatures."""

    def __repr__(self) -> str:
        return "<default>"


_MISSING = _Missing()


class _Field:
    """One attribute of a value: how it is made, shown and compared."""

    __slots__ = ("compare", "default", "factory", "init", "kw_only", "name", "repr")

    def __init__(self, default: Any, factory: Any, init: bool, repr: bool, compare: bool) -> None:
        self.name = ""
        self.default = default
        self.factory = factory
        self.init = init
        self.repr = repr
        self.compare = compare
        self.kw_only = False


if not TYPE_CHECKING:

    def field(*, default=_MISSING, default_factory=_MISSING, init=True, repr=True, compare=True):
        """As ``dataclasses.field``."""
        return _Field(default, default_factory, init, repr, compare)

    def dataclass(cls=None, /, **options):
        """As ``dataclasses.dataclass``, with its options ``frozen, eq, order, kw_only, slots``."""
        return _made(cls) if cls is not None else lambda cls: _made(cls, **options)

    def asdict(value):
        """As ``dataclasses.asdict``, of values that hold values, in tuples or lists or by themselves."""
        return {each.name: _plain(getattr(value, each.name)) for each in value.__values__}

    def replace(value, /, **changes):
        """As ``dataclasses.replace``."""
        for each in value.__values__:
            if each.init and each.name not in changes:
                changes[each.name] = getattr(value, each.name)
        return type(value)(**changes)


def _plain(value: Any) -> Any:
    if hasattr(type(value), "__values__"):
        return asdict(value)
    return type(value)(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def _made(
    cls: Any,
    *,
    frozen: bool = False,
    eq: bool = True,
    order: bool = False,
    kw_only: bool = False,
    slots: bool = False,
) -> Any:
    own = _own_fields(cls, kw_only)
    bases = reversed(cls.__mro__[1:])
    fields = {each.name: each for base in bases for each in vars(base).get("__values__", ())} | own
    _check_order(fields.values())
    methods: dict[str, Any] = {"__init__": _first_init, "__repr__": _repr}
    if eq:
        methods |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
    if order:
        methods |= _ORDER
    if frozen:
        methods |= {"__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}
    methods = {name: method for name, method in methods.items() if not _has_own(cls, name)}
    methods["__values__"] = tuple(fields.values())
    methods["__match_args__"] = tuple(each.name for each in fields.values() if each.init and not each.kw_only)
    if slots:
        # Slots can only be given to a class that is being made.
        methods = {name: value for name, value in vars(cls).items() if name not in fields} | methods
        for name in ("__dict__", "__weakref__"):
            methods.pop(name, None)
        methods["__slots__"] = tuple(own)
        if frozen:
            methods |= {"__getstate__": _get_state, "__setstate__": _set_state}
        return type(cls)(cls.__name__, cls.__bases__, methods | {"__qualname__": cls.__qualname__})
    for name, method in methods.items():
        setattr(cls, name, method)
    return cls


def _own_fields(cls: Any, kw_only: bool) -> dict[str, _Field]:
    fields = {}
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        if not str(annotation).startswith("ClassVar"):
            given = vars(cls).get(name, _MISSING)
            made = given if isinstance(given, _Field) else _Field(given, _MISSING, True, True, True)
            made.name, made.kw_only = name, kw_only
            if type(made.default).__hash__ is None:
                kind = type(made.default).__name__
                raise ValueError(
                    f"the default of {name} is a {kind}, which all would share: use default_factory"
                )
            fields[name] = made
            if isinstance(given, _Field):
                if made.default is _MISSING:
                    delattr(cls, name)
                else:
                    setattr(cls, name, made.default)
    return fields


def _check_order(fields: Iterable[_Field]) -> None:
    before = ""
    for each in fields:
        if each.init and not each.kw_only:
            if each.default is not _MISSING or each.factory is not _MISSING:
                before = each.name
            elif before:
                raise TypeError(f"{each.name} has no default, and follows {before}, which has one")


def _has_own(cls: Any, name: str) -> bool:
    # A class that defines __eq__ is given a __hash__ of None by Python itself: that is not the class's own.
    own = vars(cls)
    return name in own and not (name == "__hash__" and own[name] is None and "__eq__" in own)


def _first_init(self: Any, *args: Any, **kwargs: Any) -> None:
    """Make the ``__init__`` of the class, in place of this one, and call it."""
    cls: Any = next((each for each in type(self).__mro__ if vars(each).get("__init__") is _first_init), None)
    if cls is not None:
        cls.__init__ = _init(cls)
    # Else another thread has just made it.
    (cls or type(self)).__init__(self, *args, **kwargs)


def _init(cls: Any) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": _set, "_MISSING": _MISSING}
    frozen = cls.__setattr__ is _refuse_setting
    positional: list[str] = []
    named: list[str] = []
    body: list[str] = []
    for each in cls.__values__:
        name, value = each.name, each.name
        if each.factory is not _MISSING:
            known[f"_make_{name}"] = each.factory
            value = f"_make_{name}() if {name} is _MISSING else {name}" if each.init else f"_make_{name}()"
            default = "=_MISSING"
        elif each.default is not _MISSING:
            known[f"_default_{name}"] = each.default
            default = f"=_default_{name}"
        else:
            default = ""
        if each.init:
            (named if each.kw_only else positional).append(f"{name}{default}")
        if each.init or each.factory is not _MISSING:
            body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    arguments = ", ".join(["self", *positional, *(["*", *named] if named else [])])
    source = f"def __init__({arguments}):\n " + "\n ".join(body or ["pass"])
    made: dict[str, Any] = {}
    exec(source, known, made)
    init: Callable[..., None] = made["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _key(cls: Any) -> Callable[[Any], Any]:
    """What gives the values that two instances are compared by."""
    key = vars(cls).get("__key__")
    if key is None:
        names = [each.name for each in cls.__values__ if each.compare]
        # One name gives no tuple, which compares the same; none: all instances are equal.
        key = cls.__key__ = attrgetter(*names) if names else type
    return key  # type: ignore[no-any-return]


def _eq(self: Any, other: Any) -> Any:
    cls = type(self)
    if type(other) is not cls:
        return NotImplemented
    key = cls.__dict__.get("__key__") or _key(cls)
    return key(self) == key(other)


def _hash(self: Any) -> int:
    return hash(_key(type(self))(self))


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        cls = type(self)
        return compare(_key(cls)(self), _key(cls)(other)) if type(other) is cls else NotImplemented

    return method


_ORDER = {f"__{compare.__name__}__": _ordering(compare) for compare in (lt, le, gt, ge)}


def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in self.__values__ if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _get_state(self: Any) -> list[Any]:
    """What ``pickle`` and ``copy`` keep: the values, in their order."""
    return [getattr(self, each.name) for each in self.__values__]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(self.__values__, state, strict=True):
        _set(self, each.name, value)


def _refuse_setting(self: Any, name: str, value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
