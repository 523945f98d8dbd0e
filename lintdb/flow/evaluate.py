"""Operands become values: variables, attributes, items, and what the module says of names that a path has not bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import libcst as cst

from lintdb.effects import Argument
from lintdb.flow import ir
from lintdb.flow.collected import PLACE
from lintdb.flow.named import NamedValues
from lintdb.flow.objects import attributes_of
from lintdb.flow.records import fields_of_record, is_named_tuple
from lintdb.flow.sites import Site
from lintdb.flow.state import State
from lintdb.flow.texts import (
    CHANGES,
    filled,
    has_been_added,
    is_sentence,
    is_text,
    known_pieces,
    pieces_of,
    shortened,
    text_of,
)
from lintdb.flow.values import (
    NONE,
    SELF,
    TRUE,
    UNBOUND,
    Box,
    Function,
    Hole,
    Instance,
    Literal,
    Many,
    Method,
    Name,
    Opening,
    Outside,
    Piece,
    Ref,
    Rid,
    SiteKey,
    Status,
    Table,
    Tally,
    Value,
    attribute_of,
    holder_of,
    one_of,
)
from lintdb.syntax.keys import attribute_key, item_key
from lintdb.syntax.names import ClassInfo, ModuleIndex, Variable

_NAMED_OUTSIDE = ("self", "global", "param", "field")
_MAX_FIELDS = 4
"""How many attributes of attributes are told apart; a loop along a chain of objects would never come to an end."""


class Values(NamedValues):
    """Evaluates operands; nothing here changes what a path knows, except that borrowed resources become known."""

    def value(self, operand: ir.Operand, state: State) -> Value | None:
        """Evaluate an operand."""
        if operand is ir.NOTHING:
            return UNBOUND
        evaluate = self.OPERANDS.get(type(operand))
        return evaluate(self, operand, state) if evaluate is not None else None

    def _local(self, operand: ir.Local, state: State) -> Value | None:
        found = state.env.get(operand.name)
        if found is None:
            found = self._free_value(operand.name, state)
        return found if found is not None else self.evident(operand.name, state)

    def _literal(self, operand: ir.Constant, _: State) -> Value | None:
        found = self.literals.get(id(operand))
        if found is None:
            found = self.literals[id(operand)] = (Literal(operand.value), operand)
        return found[0]

    def _display(self, operand: ir.Display, state: State) -> Value | None:
        items = tuple(self.value(item, state) for item in operand.items)
        if operand.of_type and not operand.is_sequence:  # `(*held, one)`
            items = tuple(dict.fromkeys(each for item in items for each in contents_of(item, state, (item,))))
        # What is read from a resource are its rows.
        is_reader = operand.is_lazy and all(isinstance(item, Ref) for item in items)
        return Many(items, operand.is_sequence, operand.is_lazy, is_reader, of_type=operand.of_type)

    def _table(self, operand: ir.DictDisplay, state: State) -> Value | None:
        found: list[tuple[object, Value | None]] = []
        for key, item in operand.items:
            value = self.value(item, state)
            if key is None and isinstance(value, Table):
                found += value.items  # `{**held, key: one}`
            else:
                found.append((key, value))
        return Table(tuple(dict.fromkeys(found)))

    def _difference(self, operand: ir.Difference, state: State) -> Value | None:
        left, right = self.value(operand.left, state), self.value(operand.right, state)
        tallies = [each for each in (left, right) if isinstance(each, Tally)]
        return tallies[0] if tallies and all(isinstance(each, (Tally, Literal)) for each in (left, right)) else None

    def _beginning(self, operand: ir.Begins, state: State) -> Value | None:
        """Whether a text begins as it is asked; names of one word may be settings, which others have otherwise."""
        text = self.value(ir.Local(operand.name), state)
        outcome: bool | None = None
        if isinstance(text, Opening):
            outcome = operand.asked.is_met(text.text, is_open=False)
        elif isinstance(text, Literal) and isinstance(text.value, str) and is_sentence(text.value):
            outcome = operand.asked.is_met(text.value, is_open=text.is_prefix)
        return Literal(outcome) if outcome is not None else None

    def _joined(self, operand: ir.Joined, state: State) -> Value | None:
        items: list[Value | None] = []
        for value in (self.value(operand.left, state), self.value(operand.right, state)):
            items.extend(contents_of(value, state, (None,)))
        # A list of which no content is known need not be empty.
        return Many(tuple(items)) if any(item is not None for item in items) else None

    def _dotted(self, operand: ir.Dotted, state: State) -> Value | None:
        name = operand.name
        return self.imported(name, state) or self.always_there(name, state) or Name(name)

    def _text(self, operand: ir.Text | ir.Format, state: State) -> Value | None:
        """A text that is put together; None where nothing of it is known."""
        if isinstance(operand, ir.Text):
            found: list[list[Piece]] = [
                [part] if isinstance(part, str) else self._pieces(part, state) for part in operand.parts
            ]
            first, added = found[0] if found else [], [piece for each in found[1:] for piece in each]
            # `text = text + added` in a loop: what is added again is added once, so that a loop comes to an end.
            return text_of(first if has_been_added(first, added) else [*first, *added])
        template = self._kept_text(self.value(operand.template.operand, state))
        if not isinstance(template, Literal) or not isinstance(template.value, str):
            return self.value(operand.otherwise, state) if operand.otherwise is not None else None
        values = {key: self._pieces(part, state) for key, part in operand.items}
        start = pieces_of(template, Hole(operand.template.node, self.function))
        if operand.style in CHANGES:
            is_known = known_pieces(template) is not None
            changed = CHANGES[operand.style](start if is_known else [template.value], values)
            return text_of(changed) if is_known else Literal(str(changed[0]), True)
        complete = filled(start, operand, values)
        if complete is None:
            gap = "%" if operand.style == "%" else "{"
            return Literal(template.value.partition(gap)[0], True)
        return text_of(complete)

    def _kept_text(self, value: Value | None) -> Value | None:
        """What a template is that another module of the project keeps; modules of nothing but texts are no others."""
        found = self.index.find(value.dotted, is_needed=True) if isinstance(value, Name) else None
        kept: Value | None = None
        if found is not None and isinstance(found.symbol, Variable) and not found.rest:
            kept = self.types.peers.types(found.symbol.index).global_constant(found.symbol.name)
        elif found is not None and isinstance(found.symbol, ClassInfo) and len(found.rest) == 1:
            kept = self.types.class_constant(found.symbol, found.rest[0])
        return kept if kept is not None else value

    def _pieces(self, part: ir.Part, state: State) -> list[Piece]:
        return pieces_of(self.value(part.operand, state), Hole(part.node, part.function or self.function))

    def _attribute(self, operand: ir.AttributeOf, state: State) -> Value | None:
        found = self._known_attribute(operand, state)
        if found is None or isinstance(found, Name):
            name = dotted_name(operand)
            evident = self.evident(name, state) if name is not None else None
            return evident if evident is not None else found
        return found

    def _known_attribute(self, operand: ir.AttributeOf, state: State) -> Value | None:
        base = operand.base
        if isinstance(base, ir.Local) and self.is_self(base.name):
            return self._own_attribute(base.name, operand.name, state)
        found = self.attribute(self.value(base, state), operand.name, state)
        if found is None and isinstance(base, ir.AttributeOf):
            found = self._flag_of_part(base, operand.name, state)
        if found is None:
            found = self.attribute_of_class(base, operand.name, state)
        if found is None and self.function.keys:
            holder = _last_name(base.base) if isinstance(base, ir.AttributeOf) else ""
            key = attribute_key(_last_name(base), holder, operand.name)
            found = self.under(key, f"{_shown(base)}.{operand.name}", state) if key is not None else None
        return found

    def attribute_of_class(self, base: ir.Operand, name: str, state: State) -> Value | None:
        """`User.get`, where a class is itself a resource, by what it derives from; `Store.pool`, what it keeps."""
        if not isinstance(base, ir.Local) or base.name in state.env or self.index.is_local(base.name, self.function):
            return None
        owner = self.index.find_class(base.name, self.function)
        if owner is None or owner.find_method(name) is not None:
            return None
        held = self.class_itself(owner, state)
        found = self._resource_attribute(held, name, state) if held is not None else None
        if isinstance(found, Ref) and self._is_replaced(owner, name, found, state):
            return None
        return found if found is not None else self.attribute(Outside.of_class(owner), name, state)

    def _is_replaced(self, owner: ClassInfo, name: str, usual: Ref, state: State) -> bool:
        """Whether a class fills what it has from its base itself, with something that has methods of its own for it."""
        holder = next((each for each in owner.lineage if name in each.body_values), None)
        value = holder.body_values[name][0] if holder is not None else None
        if holder is None or not isinstance(value, cst.Call):
            return False
        made = self.types.of_module(holder.index).called(value, holder.index.body)
        kind = self.kind_of(state.status(usual.rid))
        own = {method for each in made.lineage for method in each.methods} if isinstance(made, ClassInfo) else set()
        return kind is not None and not own.isdisjoint(kind.methods)

    def class_named(self, operand: ir.Operand) -> Outside | None:
        """Return what keeps the attributes of a class, where an operand is its name."""
        owner: object = None
        if isinstance(operand, ir.Local) and not self.index.is_local(operand.name, self.function):
            owner = self.index.find_class(operand.name, self.function)
        elif isinstance(operand, ir.Dotted):
            found = self.index.find(operand.name)
            owner = found.symbol if found is not None and not found.rest else None
        return Outside.of_class(owner) if isinstance(owner, ClassInfo) else None

    def attribute(self, value: Value | None, name: str, state: State) -> Value | None:
        """`value.name`"""
        if isinstance(value, Ref):
            return self._resource_attribute(value, name, state)
        if isinstance(value, Instance):
            field = state.env.get(f"{value.prefix}{name}")
            if field is not None:
                return field
            if name == "__dict__":
                return Table(tuple(attributes_of(value.part, state)))
            if value.owner.find_method(name) is not None:
                return Method(value, name)
            return self.types.class_constant(value.owner, name)
        if isinstance(value, Outside):
            if value.owner.find_method(name) is not None:
                return Method(value, name)
            if _depth(value.root) >= _MAX_FIELDS:
                return None
            if name in self.objects.unfilled.get(value.root, ()):
                return NONE
            what = self.types.attribute_type(value.owner, name)
            found = self.outside(attribute_of(value.root, name), what, value.owner, state)
            return found if found is not None else self.types.class_constant(value.owner, name)
        if isinstance(value, (Box, Many, Table)):
            return Method(value, name)
        return None

    def as_tuple(self, value: Value | None, state: State) -> Value | None:
        """A named tuple that was made here, as the tuple that it is; anything else as it is."""
        if not isinstance(value, Instance) or not is_named_tuple(value.owner):
            return value
        fields = fields_of_record(value.owner) or ()
        return Many(tuple(self.attribute(value, field.name, state) for field in fields), is_sequence=True)

    def _own_attribute(self, self_name: str, name: str, state: State) -> Value | None:
        """`self.name`: what this path or the class says of it, or a method."""
        found = state.env.get(f"self.{name}")
        if found is not None:
            return found
        owner = self.owner_class()
        if owner is None:
            return None
        if self.owns_self:
            held = state.env.get(self_name)
            if isinstance(held, Instance) and name == "__dict__":
                return self.attribute(held, name, state)
            return Method(held, name) if held is not None and owner.find_method(name) is not None else None
        site: SiteKey = ("self", name)
        is_new = (site, 0) not in state.resources
        found = self.outside(site, self.types.attribute_type(owner, name), owner, state)
        if isinstance(found, Ref) and is_new:
            source = self.types.parent_attribute(owner, name)
            parent = self._own_attribute(self_name, source, state) if source is not None and source != name else None
            if isinstance(parent, Ref):
                state.update(found.rid, parent=parent.rid)
        return found if found is not None else self.types.class_constant(owner, name)

    def _flag_of_part(self, base: ir.AttributeOf, name: str, state: State) -> Tally | None:
        """`conn.info.transaction_status`"""
        owner = self.value(base.base, state)
        kind = self.kind_of(state.status(owner.rid)) if isinstance(owner, Ref) else None
        is_flag = kind is not None and f"{base.name}.{name}" in kind.unit_flags
        return self.unit_flag(owner, state) if is_flag and isinstance(owner, Ref) else None

    def unit_flag(self, base: Ref, state: State) -> Tally:
        """`conn.in_transaction`: whether a unit of work is open on a resource."""
        return Tally(self.root_of(base.rid, state), base.rid, is_of_unit=True)

    def _resource_attribute(self, base: Ref, name: str, state: State) -> Value | None:
        """An attribute of a resource: a flag, a related resource, a method, or a part of it."""
        status = state.status(base.rid)
        kind = self.kind_of(status)
        if status is None or kind is None:
            return None
        if name in kind.state_flags and name not in kind.methods:
            flag = kind.state_flags[name]
            return Literal(flag if status.phase == "open" else not flag) if status.phase != "gone" else None
        if name in kind.tallies:
            return Tally(self.root_of(base.rid, state), base.rid)
        if name in kind.unit_flags and name not in kind.methods:
            return self.unit_flag(base, state)
        if kind.attribute_events.get(name) in ("autocommit", "read-only") and status.autocommit:
            return TRUE
        if name in kind.attributes:
            made = self.knowledge.kind(kind.attributes[name])
            if made is not None and made.events_on == "parent":
                return self.part_of(base, kind.attributes[name], state)
            parent = state.status(status.parent) if status.parent is not None else None
            if status.parent is not None and parent is not None and _is_like(parent.kind, kind.attributes[name]):
                return Ref(status.parent)
            return self.outside((base.rid, name), kind.attributes[name], None, state)
        if name in kind.methods or name.startswith("__"):
            return Method(base, name)
        if kind.any_attribute is not None and not name.startswith("_"):
            return self.part_of(base, kind.any_attribute, state)
        return None

    def root_of(self, rid: Rid, state: State) -> Rid:
        """Return the resource whose unit of work a resource works in."""
        seen = set()
        while rid not in seen:
            seen.add(rid)
            status = state.resources.get(rid)
            kind = self.kind_of(status)
            if status is None or kind is None or kind.events_on != "parent" or status.parent is None:
                return rid
            rid = status.parent
        return rid

    def own_class(self, name: str) -> ClassInfo | None:
        """Return the class that the first parameter of a class method stands for, if *name* is that."""
        function = self.function
        is_class_method = function.is_method and not function.is_instance_method
        is_first = bool(function.params) and function.params[0].name.value == name
        return function.owner if is_class_method and is_first else None

    def _item(self, operand: ir.ItemOf, state: State) -> Value | None:
        base = self.as_tuple(self.value(operand.base, state), state)
        if operand.cut and is_text(base):
            return shortened(base, operand.cut)
        if isinstance(base, Many):
            key = operand.key
            if base.is_sequence and isinstance(key, int) and -len(base.items) <= key < len(base.items):
                return base.items[key]
            return one_of(base.items)
        if isinstance(base, Table):
            for key, item in base.items:
                if key is not None and key == operand.key:
                    return item
            return one_of(tuple(item for _, item in base.items)) if operand.key is None else None
        if isinstance(base, Box):
            return one_of(state.boxes.get(base.id, ()))
        if isinstance(base, Ref):
            status = state.status(base.rid)
            kind = self.kind_of(status)
            if kind is not None and kind.any_item is not None:
                return self.part_of(base, kind.any_item, state)
        return self._kept_under(operand, state) or self.one_of_several(operand.base, state)

    def _kept_under(self, operand: ir.ItemOf, state: State) -> Value | None:
        """`app["pool"]`, `app[POOL]`: what the project puts under a key of an application."""
        if not operand.named:
            key = item_key(_last_name(operand.base), operand.key)
            return self.under(key, f"{_shown(operand.base)}{key}", state) if key is not None else None
        symbol = self.index.symbol_called(operand.named, self.function)
        what = self.types.places.type_of_key(operand.named, symbol)
        site: SiteKey = ("placed", operand.named, self.index.name.number)
        self.spelled.setdefault(site, f"{_shown(operand.base)}[{operand.named}]")
        return self.outside(site, what, self.index, state)

    def one_of_several(self, container: ir.Operand, state: State) -> Ref | None:
        """`POOLS[name]`, `self.pools[name]`: one of the pools that a container of somebody else's holds.

        Any may be meant, so that one that has been closed tells nothing of the next.
        """
        found = self._container(container, state)
        if found is None:
            return None
        holder, kind_id, place = found
        site: SiteKey = ("field", place, PLACE)
        state.forget_released(site)
        return self.borrowed(site, kind_id, holder, state)

    def _container(self, node: ir.Operand, state: State) -> tuple[ClassInfo | ModuleIndex, str, SiteKey] | None:
        """Return what has a container, the kind that it holds several of, and where it is; None for other things."""
        variable: Variable | None = None
        if isinstance(node, ir.Local) and node.name in self.index.values and not self._is_nearer(node.name):
            variable = Variable(self.index, node.name)
        elif isinstance(node, ir.Dotted):
            found = self.index.find(node.name)
            is_variable = found is not None and isinstance(found.symbol, Variable) and not found.rest
            variable = (
                found.symbol if found is not None and is_variable and isinstance(found.symbol, Variable) else None
            )
        if variable is not None:
            index = variable.index
            kind_id = self.types.of_module(index).collected.kind_in_global(variable.name)
            return (index, kind_id, ("global", variable.name, index.name.number)) if kind_id is not None else None
        if not isinstance(node, ir.AttributeOf):
            return None
        is_own = isinstance(node.base, ir.Local) and self.is_self(node.base.name)
        held = None if is_own else self.value(node.base, state) or self.class_named(node.base)
        owner = self.owner_class() if is_own else held.owner if isinstance(held, (Instance, Outside)) else None
        kind_id = self.types.collected.kind_in_attribute(owner, node.name) if owner is not None else None
        if owner is None or kind_id is None:
            return None
        holder = held.outside() if isinstance(held, Instance) else held
        place: SiteKey = ("field", holder.root, node.name) if isinstance(holder, Outside) else ("self", node.name)
        return owner, kind_id, place

    def part_of(self, owner: Ref, kind_id: str, state: State) -> Ref:
        """`client["shop"]`: something that belongs to a resource and keeps it alive."""
        site = ("part", owner.rid, kind_id)
        rid: Rid = (site, 0)
        if rid not in state.resources:
            self.sites.setdefault(site, Site(self.function.node, kind_id))
            status = state.status(owner.rid)
            phase = "released" if status is not None and status.phase == "released" else "open"
            state.resources[rid] = Status(kind_id, phase=phase, owed=False, parent=owner.rid, keeps_parent=True)
        return Ref(rid)

    def arguments_value(self, op: ir.CallOp, state: State) -> Value:
        return Many(tuple(self.value(argument.operand, state) for argument in op.arguments))

    def first_argument(self, op: ir.CallOp, state: State) -> Value | None:
        return self.value(op.arguments[0].operand, state) if op.arguments else None

    @staticmethod
    def argument(op: ir.CallOp, which: Argument) -> ir.Operand | None:
        """Return the operand of one argument, or None if it is not given in a way that can be seen."""
        position = 0
        for argument in op.arguments:
            if argument.star:
                if argument.star == "*":
                    position = -1000
                continue
            if argument.keyword is not None:
                if which.keyword == argument.keyword:
                    return argument.operand
                continue
            if position == which.position:
                return argument.operand
            position += 1
        return None

    OPERANDS: ClassVar[dict[type[ir.Operand], Callable[[Any, Any, State], Value | None]]] = {
        ir.Local: _local, ir.Constant: _literal, ir.Text: _text, ir.Format: _text,
        ir.AttributeOf: _attribute, ir.Display: _display, ir.DictDisplay: _table, ir.ItemOf: _item,
        ir.Difference: _difference, ir.Joined: _joined, ir.Begins: _beginning,
        ir.Closure: lambda _, operand, __: Function(operand.function), ir.Dotted: _dotted,
    }  # fmt: skip


def contents_of(value: Value | None, state: State, otherwise: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    """Return what a container is known to hold; *otherwise*, if it is none."""
    if isinstance(value, Box):
        return state.held_in(value.id)
    return value.items if isinstance(value, Many) and not value.is_lazy else otherwise


def _depth(site: SiteKey) -> int:
    holder = holder_of(site)
    return 1 + _depth(holder) if holder is not None else 0


def dotted_name(operand: ir.Operand) -> str | None:
    """Return the text of a chain of attributes of a variable."""
    parts: list[str] = []
    while isinstance(operand, ir.AttributeOf):
        parts.append(operand.name)
        operand = operand.base
    return ".".join([operand.name, *reversed(parts)]) if isinstance(operand, ir.Local) else None


def may_be_none(value: Value | None) -> bool:
    """Whether a value came from outside the function under a type that does not exclude None."""
    if isinstance(value, Outside):
        return value.root != SELF and value.root[0] in _NAMED_OUTSIDE
    return isinstance(value, Ref) and value.rid[0][0] in _NAMED_OUTSIDE


def _last_name(operand: ir.Operand) -> str:
    return operand.name if isinstance(operand, (ir.Local, ir.AttributeOf)) else ""


def _shown(operand: ir.Operand) -> str:
    """Return how something is spelled, from the last call on: `app` of `self.application().app`."""
    name = dotted_name(operand)
    return name if name is not None and not name.startswith("$") else _last_name(operand)


def _is_like(kind_id: str, other: str) -> bool:
    """Whether two kinds belong to the same library."""
    return kind_id.partition(".")[0] == other.partition(".")[0]
