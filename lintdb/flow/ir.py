"""The small language that function bodies are lowered to before they are followed.

An *operand* is a value that costs nothing and cannot fail (a name, a constant, an attribute of an operand, a display).
An *operation* is what can fail, or changes what names hold. A *terminator* ends a block and says where it goes on.
The Python modelled by each class is given in its docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from lintdb.syntax.beginnings import Beginning
from lintdb.syntax.names import ClassInfo, FunctionInfo

# --- operands -------------------------------------------------------------------------------------------------------


class Operand:
    """Base of operands; evaluating one has no effect."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Local(Operand):
    """`name`: a variable. Names that start with `$` are made by the builder and cannot clash with Python's."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant(Operand):
    """A literal: None, a boolean, a number or a string."""

    value: object


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What an expression puts into a text: `node` is the expression, in another `function` than the text if so said."""

    operand: Operand
    node: cst.CSTNode
    function: FunctionInfo | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Text(Operand):
    """`f"a {x} b"`, `"a" + x`, `", ".join([x, y])`: pieces of text, and expressions between them."""

    parts: tuple[str | Part, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Format(Operand):
    """`template % x`, `template.format(x, name=y)`: `style` is "%" or "{"; `items` are keyed by position or name.

    `template.replace("a", x)`: `style` is "=", and the key is what is replaced. `template.strip()`: `style` is the
    name of the method. `otherwise` is the value if the template is no text.
    """

    template: Part
    style: str
    items: tuple[tuple[object, Part], ...]
    otherwise: Operand | None = None


@dataclass(frozen=True, slots=True)
class Dotted(Operand):
    """An imported name or builtin, by what it stands for: `package.connect`."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class AttributeOf(Operand):
    """`base.name`, read."""

    base: Operand
    name: str


NOTHING = Operand()
"""What `x.name` holds after `del x.name`: it is not there."""

SUPER = Operand()
"""`super()`: the object whose method this is, as its class's bases see it."""


@dataclass(frozen=True, slots=True, eq=False)
class Display(Operand):
    """`(a, b)`, or any expression that combines others into a value that holds them.

    `is_lazy`: a generator expression, which reads from them when it is read. `of_type`: the built-in type that it is.
    """

    items: tuple[Operand, ...]
    is_sequence: bool = False
    is_lazy: bool = False
    of_type: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DictDisplay(Operand):
    """`{"a": x}` with literal keys where they are literal; `None` keys hold everything else."""

    items: tuple[tuple[object, Operand], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ItemOf(Operand):
    """`base[key]`, read; `key` is None where it is not a literal, `named` the variable that it is then.

    `cut` is how many characters `text[:-1]` leaves off.
    """

    base: Operand
    key: object
    named: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Difference(Operand):
    """`left - right`, or a comparison that is false where both are the same: `left > right`."""

    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True, eq=False)
class Begins(Operand):
    """`text.lstrip().startswith("a")`: whether the text of a variable begins as it is *asked*."""

    name: str
    asked: Beginning


@dataclass(frozen=True, slots=True, eq=False)
class Joined(Operand):
    """`left + right` of two lists: a list that holds what is in both."""

    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True, eq=False)
class Closure(Operand):
    """A lambda or nested function as a value."""

    function: FunctionInfo


class _Unknown(Operand):
    __slots__ = ()

    def __repr__(self) -> str:
        return "?"


UNKNOWN = _Unknown()

# --- conditions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Truth:
    """`if x`; `is_default`: it is what decides in `x or default`."""

    operand: Operand
    key: str | None = None
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class IsNone:
    """`if x is None`"""

    operand: Operand
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Equals:
    """`if x == "literal"`"""

    operand: Operand
    value: object
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Exceeds:
    """`if x > y`, and with other operators what means the same or the opposite."""

    left: Operand
    right: Operand
    key: str | None = None


@dataclass(frozen=True, slots=True)
class IsEqual:
    """`if x == y`, where neither is a literal."""

    left: Operand
    right: Operand
    key: str | None = None


@dataclass(frozen=True, slots=True)
class IsSame:
    """`if x is y`"""

    left: Operand
    right: Operand
    key: str | None = None


@dataclass(frozen=True, slots=True)
class IsInstance:
    """`if isinstance(x, T)`, or a class pattern; `types` are dotted names, or classes of the project.

    `is_exact`: objects of classes derived from `T` are none, as in `type(x) is T`.
    """

    operand: Operand
    types: tuple[str | ClassInfo, ...]
    key: str | None = None
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class HasParts:
    """A sequence pattern: `case (a, b)` asks for `count` parts, with a star (`is_open`) for no fewer than that.

    `is_plain`: it takes them whatever they are.
    """

    operand: Operand
    count: int
    is_open: bool
    is_plain: bool
    key: str | None = None


@dataclass(frozen=True, slots=True)
class HasName:
    """`if hasattr(x, "name")`, or (`operand` None) `if "name" in locals()`.

    `of_class`: what an object has from its class counts; it does not in `if "name" in x.__dict__`.
    """

    operand: Operand | None
    name: str
    key: str | None = None
    of_class: bool = True


Condition = Truth | IsNone | Equals | Exceeds | IsEqual | IsSame | IsInstance | HasParts | HasName

# --- operations -----------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Operation:
    """`node` is the syntax that it came from; `in_cleanup` is true inside `finally` blocks and handlers."""

    node: cst.CSTNode
    in_cleanup: bool


@dataclass(slots=True, eq=False)
class CallArgument:
    """One argument of a call; `star` is "", "*" or "**"."""

    operand: Operand
    keyword: str | None
    star: str


@dataclass(slots=True, eq=False)
class CallOp(Operation):
    """`target = callee(arguments)`; `dotted` is the callee's imported name. May raise.

    `is_statement`: nothing uses the result. `is_dropped`: nor what awaiting it gives. `is_elsewhere`: another thread
    makes the call.
    """

    target: str
    callee: Operand
    dotted: str | None
    arguments: Sequence[CallArgument]
    index: int = 0
    is_statement: bool = False
    is_dropped: bool = False
    is_elsewhere: bool = False


@dataclass(slots=True, eq=False)
class WaitOp(Operation):
    """A call waits for something that is none of the resources; what else it does is another operation."""


@dataclass(slots=True, eq=False)
class AwaitOp(Operation):
    """`target = await operand`. May raise."""

    target: str
    operand: Operand


@dataclass(slots=True, eq=False)
class YieldOp(Operation):
    """`target = yield operand`. May raise: the consumer may throw, or never come back."""

    target: str
    operand: Operand
    is_from: bool


@dataclass(slots=True, eq=False)
class StoreOp(Operation):
    """`name = operand`"""

    name: str
    operand: Operand


@dataclass(slots=True, eq=False)
class StoreAttributeOp(Operation):
    """`base.attribute = operand`"""

    base: Operand
    attribute: str
    operand: Operand
    index: int = 0


@dataclass(slots=True, eq=False)
class StoreItemOp(Operation):
    """`base[...] = operand`; *target* is the left side, as it is written."""

    base: Operand
    operand: Operand
    target: cst.Subscript


@dataclass(slots=True, eq=False)
class UnpackOp(Operation):
    """`a, b = operand`: names of the targets; None for targets that are not plain names."""

    names: tuple[str | None, ...]
    operand: Operand
    star: int = -1


@dataclass(slots=True, eq=False)
class BoxOp(Operation):
    """`target = [items]`: a mutable container of its own; `of_type` is its built-in type, where that is known.

    `spread` are the numbers of the items that stand for what they hold: `[*held, one]`.
    """

    target: str
    items: tuple[Operand, ...]
    of_type: str = ""
    spread: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class BoxAddOp(Operation):
    """An element added to a container that a comprehension fills."""

    box: Operand
    operand: Operand


@dataclass(slots=True, eq=False)
class ForgetOp(Operation):
    """`del name`, a name that gets a value that cannot be known, or the exception of a handler that ends."""

    names: tuple[str, ...]


@dataclass(slots=True, eq=False)
class LearnOp(Operation):
    """What conditions call `text` has another value: all that is known of it are `facts`, outcomes of conditions."""

    text: str
    facts: tuple[tuple[str, bool], ...] = ()


@dataclass(slots=True, eq=False)
class LookOp(Operation):
    """`x.name` as a statement: read and dropped."""

    operand: Operand


@dataclass(slots=True, eq=False)
class NeedOp(Operation):
    """`operand[...]`, `operand.name`, `a, b = operand`: raises `error` where the operand is None."""

    operand: Operand
    error: str


@dataclass(slots=True, eq=False)
class EnterOp(Operation):
    """`target = context manager.__enter__()`. May raise. `slot` keeps the manager for the exit."""

    target: str
    manager: Operand
    slot: str
    is_async: bool


@dataclass(slots=True, eq=False)
class ExitOp(Operation):
    """The block's end without an exception."""

    slot: str
    is_async: bool


@dataclass(slots=True, eq=False)
class CatchOp(Operation):
    """A handler begins: the exception in flight is kept in `slot` (for a bare `raise`)."""

    slot: str
    name: str | None


@dataclass(slots=True, eq=False)
class HoldOp(Operation):
    """A `finally` copy for an exception begins: the exception in flight waits in `slot`."""

    slot: str


# --- terminators ----------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Jump:
    """Go on at `target`."""

    target: int


@dataclass(slots=True, eq=False)
class Branch:
    """`if condition`. `is_negated`: as it is written the test is the opposite (`x is not None`).

    `subject`: it is the last test of a `match` on that; where it fails, no case is taken.
    """

    node: cst.CSTNode
    condition: Condition
    if_true: int
    if_false: int
    is_negated: bool = False
    subject: cst.CSTNode | None = None


@dataclass(slots=True, eq=False)
class Iterate:
    """`for target in operand`: one more element, or the end. May raise.

    `at_least_once`: there is surely one element. `is_held`: all elements are there, and reading them does not fail.
    `again` is the variable that is true where a test has shown that there is one more. `over` is what is not empty
    where there is one: a variable, or the text by which conditions call it.
    """

    node: cst.CSTNode
    operand: Operand
    target: str
    body: int
    done: int
    is_async: bool
    index: int = 0
    at_least_once: bool = False
    is_held: bool = False
    again: str = ""
    over: str = ""


@dataclass(slots=True, eq=False)
class Handler:
    """One `except` clause: dotted names of the classes; an empty tuple catches all; None among them is unknown."""

    node: cst.CSTNode
    types: tuple[str | None, ...]
    block: int
    catches_all: bool


@dataclass(slots=True, eq=False)
class Dispatch:
    """Where the exceptions of a `try` meet: handlers in order, then `outer`."""

    handlers: tuple[Handler, ...]
    outer: int


@dataclass(slots=True, eq=False)
class ExitRaise:
    """A `with` block is left by an exception: go on at `swallowed` if the manager swallows it, else at `outer`."""

    node: cst.CSTNode
    slot: str
    is_async: bool
    swallowed: int
    outer: int


@dataclass(slots=True, eq=False)
class Raise:
    """`raise X`; `types` is the class if it is known. `slot` names a kept exception (bare `raise`, end of finally)."""

    node: cst.CSTNode
    type: str | None
    slot: str | None
    target: int
    is_explicit: bool = True


@dataclass(slots=True, eq=False)
class Return:
    """The function's end: `$return` holds the value."""


@dataclass(slots=True, eq=False)
class RaiseExit:
    """The function's end by an exception."""


@dataclass(slots=True, eq=False)
class Dead:
    """Execution never gets here, or the process ends here (`sys.exit()`)."""


Terminator = Jump | Branch | Iterate | Dispatch | ExitRaise | Raise | Return | RaiseExit | Dead
