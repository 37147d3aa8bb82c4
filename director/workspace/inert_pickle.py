"""What a pickle says, without doing any of it.

`pickletools` names the opcodes; here they only build descriptions.  A global stays a name, a call
stays the pair of what would be called and with what: nothing is imported, called, or hashed.
"""

import pickletools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from director.errors import InvalidArchiveError, LimitExceededError


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something that unpickling would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Pairs:
    """A dictionary as it was written; keys may be anything, and may come twice."""

    items: list[tuple[object, object]] = field(default_factory=list)

    def named(self) -> dict[str, object]:
        """Return the entries whose keys are text, the later of two winning."""
        return {key: value for key, value in self.items if isinstance(key, str)}


@dataclass(slots=True, eq=False)
class Call:
    """Something that unpickling would call, or create, and what it would then give it."""

    function: object
    arguments: object
    states: list[object] = field(default_factory=list)
    entries: Pairs = field(default_factory=Pairs)
    members: list[object] = field(default_factory=list)

    def attributes(self) -> dict[str, object]:
        """Return the attributes it would be left with, as far as they have names."""
        found: dict[str, object] = {}
        for state in self.states:
            for part in state if isinstance(state, tuple) else (state,):
                if isinstance(part, Pairs):
                    found.update(part.named())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The object that a pickle would give, and every call and import on the way to it, in order."""

    result: object
    calls: tuple[Call, ...]
    symbols: tuple[Symbol, ...] = ()


class _Mark:
    """Stands on the stack where the members of a collection begin."""


_MARK = _Mark()
_LITERALS = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
)
_CONSTANTS: dict[str, bool | None] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


@dataclass(slots=True)
class _Machine:
    """A stack, a memo, and what has been called so far."""

    stack: list[object] = field(default_factory=list)
    memo: dict[object, object] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        top = self.stack.pop()
        if isinstance(top, _Mark):
            raise IndexError
        return top

    def pop_marked(self) -> list[object]:
        found: list[object] = []
        while not isinstance(top := self.stack.pop(), _Mark):
            found.append(top)
        return found[::-1]

    def pop_last(self, count: int) -> tuple[object, ...]:
        values = [self.pop() for _ in range(count)]
        return tuple(reversed(values))

    def call(self, function: object, arguments: object) -> None:
        call = Call(function, arguments)
        self.calls.append(call)
        self.push(call)

    def call_all(self, parts: Sequence[object]) -> None:
        function, *arguments = parts
        self.call(function, tuple(arguments))

    def import_symbol(self) -> None:
        module, name = self.pop_last(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError
        self.push(self.symbol(module, name))

    def symbol(self, module: str, name: str) -> Symbol:
        symbol = Symbol(module, name)
        self.symbols.append(symbol)
        return symbol

    def build(self) -> None:
        state = self.pop()
        if isinstance(target := self.stack[-1], Call):
            target.states.append(state)

    def extend(self, values: Iterable[object]) -> None:
        target = self.stack[-1]
        members = target.members if isinstance(target, Call) else target
        if not isinstance(members, list):
            raise TypeError
        members.extend(values)

    def update(self, flat: Sequence[object]) -> None:
        target = self.stack[-1]
        pairs = target.entries if isinstance(target, Call) else target
        if not isinstance(pairs, Pairs):
            raise TypeError
        pairs.items.extend(zip(flat[::2], flat[1::2], strict=True))

    def build_pairs(self, flat: Sequence[object]) -> None:
        self.push(Pairs())
        self.update(flat)


_Step = Callable[[_Machine, object], object]


def _symbol_of(machine: _Machine, argument: object) -> Symbol:
    module, _, name = str(argument).partition(" ")
    return machine.symbol(module, name)


_STEPS: dict[str, _Step] = {
    **dict.fromkeys(_LITERALS, _Machine.push),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda _, __: None),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_SET": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_DICT": lambda machine, _: machine.push(Pairs()),
    "MARK": lambda machine, _: machine.push(_MARK),
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.pop_marked(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    "LIST": lambda machine, _: machine.push(machine.pop_marked()),
    "FROZENSET": lambda machine, _: machine.push(machine.pop_marked()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_marked())),
    "TUPLE1": lambda machine, _: machine.push(machine.pop_last(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.pop_last(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.pop_last(3)),
    "DICT": lambda machine, _: machine.build_pairs(machine.pop_marked()),
    "APPEND": lambda machine, _: machine.extend(machine.pop_last(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_marked()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.pop_marked()),
    "SETITEM": lambda machine, _: machine.update(machine.pop_last(2)),
    "SETITEMS": lambda machine, _: machine.update(machine.pop_marked()),
    "GLOBAL": lambda machine, argument: machine.push(_symbol_of(machine, argument)),
    "STACK_GLOBAL": lambda machine, _: machine.import_symbol(),
    "REDUCE": lambda machine, _: machine.call(*machine.pop_last(2)),
    "NEWOBJ": lambda machine, _: machine.call(*machine.pop_last(2)),
    "NEWOBJ_EX": lambda machine, _: machine.call_all(machine.pop_last(3)),
    "OBJ": lambda machine, _: machine.call_all(machine.pop_marked()),
    "INST": lambda machine, argument: machine.call(
        _symbol_of(machine, argument), tuple(machine.pop_marked())
    ),
    "BUILD": lambda machine, _: machine.build(),
    "MEMOIZE": lambda machine, _: machine.memo.update({len(machine.memo): machine.stack[-1]}),
    **dict.fromkeys(
        ("PUT", "BINPUT", "LONG_BINPUT"),
        lambda machine, key: machine.memo.update({key: machine.stack[-1]}),
    ),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda machine, key: machine.push(machine.memo[key])
    ),
}
"""What each opcode does; those that are missing (persistent ids, extension codes, out-of-band
buffers) mean something only to whoever wrote them."""


def describe(pickled: bytes, *, max_steps: int) -> Description:
    """Return what the pickle would build.

    Raises:
        InvalidArchiveError: it is not a whole pickle, or uses what nobody here can know.
        LimitExceededError: it takes too many steps.
    """
    machine = _Machine()
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
            if step >= max_steps:
                raise LimitExceededError(f"a pickle in the archive takes over {max_steps} steps")
            if opcode.name in _CONSTANTS:
                machine.push(_CONSTANTS[opcode.name])
            else:
                _STEPS[opcode.name](machine, argument)
        result = machine.pop()
        () = machine.stack
    # Of odd escapes in text, Python only warns, where warnings are not errors.
    except (ValueError, LookupError, TypeError, ArithmeticError, Warning) as error:
        raise InvalidArchiveError("a pickle in the archive is damaged") from error
    return Description(result=result, calls=tuple(machine.calls), symbols=tuple(machine.symbols))
