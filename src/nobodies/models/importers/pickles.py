"""Reads pickles as data. Nothing that stands in one is called, imported or looked up.

A pickle is a program for a small stack machine, and Python's own reader lets that program call any function there is.
This reader is another machine: where the program says "call this name with these arguments", it writes down a
`Record` of name and arguments. What the records mean is for importers to say, which know a few dozen names of
weights files. A name that is not on the caller's list ends the reading.

Nothing in the bytes can make it large or slow either: a length is compared with what is left of the file before
anything is taken, bytes are views of the file, and there is a limit to the number of steps. Keys are texts and
numbers only, because hashing nested keys can take for ever.

Source: the opcodes of protocols 2 to 5 as Python's pickletools lists them.
"""

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from nobodies.errors import WeightsError

MOST_STEPS: Final = 4_000_000
_MOST_DEPTH: Final = 10_000
_MOST_LONG_BYTES: Final = 64

PERSISTENT: Final = "persistent id"
"""Name of the records that stand for objects stored outside of the pickle."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function that a pickle names."""

    text: str
    """Module and name, with a dot between them."""


@dataclass(slots=True, eq=False)
class Record:
    """An object that a pickle would have made by calling `name` with `args`."""

    name: str
    args: tuple[Any, ...]
    state: Any = None
    """What the object would have been given after it was made."""
    items: dict[Any, Any] = field(default_factory=dict)
    """What would have been put into it by key."""
    elements: list[Any] = field(default_factory=list)
    """What would have been put into it in order."""


def read_pickle(data: memoryview, allowed: Collection[str], *, start: int = 0) -> tuple[Any, int]:
    """Read one pickle.

    Args:
        data: bytes that hold it; results may be views of them.
        allowed: names that may stand in it, each module and name with a dot between them.
        start: where it begins.

    Returns:
        What it holds: None, numbers, texts, views of bytes, lists, tuples, dicts, names and records of these; and
        where it ends.

    Raises:
        WeightsError: it names something else, is cut short or malformed, or takes too many steps.
    """
    machine = _Machine(data, start, frozenset(allowed))
    try:
        return machine.run(), machine.position
    except (IndexError, KeyError, struct.error, TypeError, ValueError, UnicodeDecodeError) as error:
        raise WeightsError(f"the pickle in it is damaged near byte {machine.position}") from error


def content(value: Any) -> memoryview:
    """Give a string of bytes, which protocol 2 writes as a text to be encoded.

    Raises:
        WeightsError: it is none.
    """
    match value:
        case memoryview():
            return value
        case Record(name="_codecs.encode", args=(str() as text, "latin1")):
            try:
                return memoryview(text.encode("latin1"))
            except UnicodeEncodeError:
                pass
    raise WeightsError("the file holds something else where a string of bytes should be")


class _Machine:
    """Stack, marks and memo of one pickle that is being read."""

    def __init__(self, data: memoryview, start: int, allowed: frozenset[str]) -> None:
        self.position = start
        self._data = data
        self._allowed = allowed
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST_STEPS):
            code = self._take(1)[0]
            if code == _STOP:
                return self._stack.pop()
            step = _STEPS.get(code)
            if step is None:
                raise WeightsError(f"the pickle in it uses the step {bytes([code])!r}, which weights do not need")
            step(self)
        raise WeightsError(f"the pickle in it takes more than {MOST_STEPS} steps: it is not one of weights")

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> Any:
        if self._marks and len(self._stack) <= self._marks[-1]:
            raise IndexError("nothing above the mark")
        return self._stack.pop()

    def drop(self) -> None:
        self.pop()

    def mark(self) -> None:
        if len(self._marks) >= _MOST_DEPTH:
            raise WeightsError(f"the pickle in it is nested more than {_MOST_DEPTH} deep: it is not one of weights")
        self._marks.append(len(self._stack))

    def pop_to_mark(self) -> list[Any]:
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def number(self, layout: str) -> Any:
        [value] = struct.unpack(layout, self._take(struct.calcsize(layout)))
        return value

    def counted(self, layout: str) -> memoryview:
        return self._take(self.number(layout))

    def line(self) -> str:
        text = bytearray()
        while (letter := self._take(1)[0]) != _NEWLINE:
            text.append(letter)
            if len(text) > 1000:
                raise ValueError("no name is that long")
        return text.decode()

    def get(self, index: int) -> None:
        self.push(self._memo[index])

    def put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def memoize(self) -> None:
        self.put(len(self._memo))

    def name(self, module: str, name: str) -> None:
        text = f"{module}.{name}"
        if text not in self._allowed:
            raise WeightsError(
                f"it names '{_printable(text)}', which weights do not need, so it is not read; nothing of it was run"
            )
        self.push(Name(text))

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise TypeError("a name is a text")
        self.name(module, name)

    def make(self) -> None:
        arguments, name = self.pop(), self.pop()
        if not (isinstance(name, Name) and isinstance(arguments, tuple)):
            raise WeightsError("the pickle in it calls something that is not a name: it is not one of weights")
        self.push(Record(name.text, arguments))

    def build(self) -> None:
        state, target = self.pop(), self._stack[-1]
        if not isinstance(target, Record):
            raise TypeError("only objects have a state")
        target.state = state

    def set_items(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        items = target.items if isinstance(target, Record) else target
        if not isinstance(items, dict):
            raise TypeError("only dicts have items")
        items.update(_pairs(pairs))

    def append(self, values: list[Any]) -> None:
        target = self._stack[-1]
        elements = target.elements if isinstance(target, Record) else target
        if not isinstance(elements, list):
            raise TypeError("only lists are appended to")
        elements.extend(values)

    def tuple_of(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def integer(self, length: int) -> None:
        if length > _MOST_LONG_BYTES:
            raise ValueError("no number of weights is that long")
        self.push(int.from_bytes(self._take(length), "little", signed=True))

    def ignore(self, count: int) -> None:
        self._take(count)

    def _take(self, count: int) -> memoryview:
        if not 0 <= count <= len(self._data) - self.position:
            raise WeightsError("the file is cut short: get it again")
        taken = self._data[self.position : self.position + count]
        self.position += count
        return taken


def _pairs(values: list[Any]) -> dict[Any, Any]:
    keys = values[::2]
    if not all(key is None or isinstance(key, str | int | float) for key in keys):
        raise TypeError("keys are texts and numbers")
    return dict(zip(keys, values[1::2], strict=True))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:80])


def _text(data: memoryview) -> str:
    return str(data, "utf-8", "surrogatepass")


_STOP: Final = ord(".")
_NEWLINE: Final = ord("\n")

_STEPS: Final[dict[int, Callable[[_Machine], None]]] = {
    ord("("): _Machine.mark,
    ord("0"): _Machine.drop,
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("J"): lambda m: m.push(m.number("<i")),
    ord("K"): lambda m: m.push(m.number("<B")),
    ord("M"): lambda m: m.push(m.number("<H")),
    ord("G"): lambda m: m.push(m.number(">d")),
    0x8A: lambda m: m.integer(m.number("<B")),
    0x8B: lambda m: m.integer(m.number("<i")),
    ord("X"): lambda m: m.push(_text(m.counted("<I"))),
    0x8C: lambda m: m.push(_text(m.counted("<B"))),
    0x8D: lambda m: m.push(_text(m.counted("<Q"))),
    ord("B"): lambda m: m.push(m.counted("<I")),
    ord("C"): lambda m: m.push(m.counted("<B")),
    0x8E: lambda m: m.push(m.counted("<Q")),
    0x96: lambda m: m.push(m.counted("<Q")),
    ord("c"): lambda m: m.name(m.line(), m.line()),
    0x93: _Machine.stack_global,
    ord("R"): _Machine.make,
    0x81: _Machine.make,
    ord("b"): _Machine.build,
    ord("Q"): lambda m: m.push(Record(PERSISTENT, (m.pop(),))),
    ord("}"): lambda m: m.push({}),
    ord("d"): lambda m: m.push(_pairs(m.pop_to_mark())),
    ord("s"): lambda m: m.set_items([m.pop(), m.pop()][::-1]),
    ord("u"): lambda m: m.set_items(m.pop_to_mark()),
    ord("]"): lambda m: m.push([]),
    ord("l"): lambda m: m.push(m.pop_to_mark()),
    ord("a"): lambda m: m.append([m.pop()]),
    ord("e"): lambda m: m.append(m.pop_to_mark()),
    # A set is read as a list: what it holds need not be hashed to be looked at.
    0x8F: lambda m: m.push([]),
    0x90: lambda m: m.append(m.pop_to_mark()),
    0x91: lambda m: m.push(m.pop_to_mark()),
    ord(")"): lambda m: m.push(()),
    ord("t"): lambda m: m.push(tuple(m.pop_to_mark())),
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    ord("h"): lambda m: m.get(m.number("<B")),
    ord("j"): lambda m: m.get(m.number("<I")),
    ord("q"): lambda m: m.put(m.number("<B")),
    ord("r"): lambda m: m.put(m.number("<I")),
    0x94: _Machine.memoize,
    0x80: lambda m: m.ignore(1),  # number of the protocol
    0x95: lambda m: m.ignore(8),  # length of a frame
}
"""What each opcode does, by its number."""
