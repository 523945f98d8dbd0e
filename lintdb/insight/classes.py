"""What lintdb understood of a class, in words."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.effects import Kind
from lintdb.flow.state import State
from lintdb.flow.values import OWN_OBJECT, Instance, Ref
from lintdb.flow.watch import Watcher
from lintdb.insight.opened import Opened, shown_path
from lintdb.insight.reasons import a
from lintdb.rules.lifetimes import verb_of
from lintdb.syntax.names import ClassInfo, FunctionInfo

_BLOCKS = {"__exit__": "a `with` block", "__aexit__": "an `async with` block"}


def describe_class(opened: Opened, owner: ClassInfo) -> list[str]:
    """Return a headline and one line for each thing that lintdb understood of a class."""
    place = opened.place(owner.node, owner.index)
    line = f", line {place.span.line}" if place is not None else ""
    return [f"{owner.qualname}: class{line}", *ClassDescription(opened, owner).lines()]


class ClassDescription:
    """What is known of one class, with what it inherits from classes of the project."""

    def __init__(self, opened: Opened, owner: ClassInfo) -> None:
        self.opened = opened
        self.owner = owner
        self.program = opened.program_of(owner.index)

    def lines(self) -> Iterator[str]:
        """Yield what there is to say."""
        yield from self._bases()
        yield from self._attributes()
        yield from self._users()

    def _bases(self) -> Iterator[str]:
        for base in self.owner.lineage[1:]:
            where = "" if base.index is self.opened.index else f" ({shown_path(base.index.name.path)})"
            yield f"derives from `{base.qualname}`{where}, which is followed"
        models = self.program.classes.constructors_of_base(self.owner)
        kinds = (self.program.knowledge.kind(model.acquires) for model in models if model.acquires is not None)
        made = next((kind for kind in kinds if kind is not None), None)
        if made is not None:
            yield f"derives from a class of a library: its objects are of the kind {made.label}"
        elif self.owner.has_unknown_base:
            names = [base for each in self.owner.lineage for base in each.outside_bases]
            shown = ", ".join(f"`{name}`" for name in names if name is not None) or "one of its bases"
            yield f"of {shown} nothing is known: calls on its objects are not followed where that may matter"
        elif not self.program.classes.is_made_by_init(self.owner):
            yield "a decorator, a metaclass or `__new__` has a say in how its objects are made: they are not followed"

    def _attributes(self) -> Iterator[str]:
        told: set[str] = set()
        for each in self.owner.lineage:
            classes = self.opened.program_of(each.index).classes
            for opened in classes.opened_attributes(each):
                told.add(opened.name)
                kept = f"keeps it as `self.{opened.name}`{self._where(opened.call, opened.method)}"
                end = self._release(opened.name, opened.kind)
                yield f"`{opened.method.name}()` opens {a(opened.kind.label)} and {kept}; {end}"
        for name in sorted(self.program.classes.attributes_of(self.owner) - told):
            found = self.program.types.attribute_type(self.owner, name)
            kind = self.program.knowledge.kind(found) if isinstance(found, str) else None
            if kind is not None:
                yield f"`self.{name}` holds {a(kind.label)}; {self._release(name, kind)}"
            elif isinstance(found, ClassInfo):
                yield f"`self.{name}` holds an object of `{found.qualname}`"

    def _release(self, attribute: str, kind: Kind) -> str:
        releases = self.opened.releases(self.owner, attribute)
        if releases:
            places = [f"`{self._name(method)}()`{self._where(fate.node, method)}" for method, fate in releases]
            return f"{verb_of(kind)} by {', '.join(places)}"
        if any(attribute in self.opened.watch(method).handled_attributes for method in self.opened.family(self.owner)):
            return "a method returns it, or gives it to code that may release it"
        return f"no method is seen to have it {verb_of(kind)}"

    def _users(self) -> Iterator[str]:
        owed = self._owed()
        if not owed:
            return
        names = sorted(
            {
                method.name
                for each in self.owner.lineage
                for method in each.methods.values()
                if self.program.classes.is_release(method.name)
            }
        )
        attributes = ", ".join(f"`self.{name}`" for name in owed)
        if self.program.classes.offers_release(self.owner):
            how = " or ".join(dict.fromkeys(_BLOCKS.get(name) or f"`{name}()`" for name in names))
            yield f"whoever makes an object of it owes the release of {attributes}: {how}"
        else:
            yield f"it has no method that is meant for releasing {attributes}: that is its own defect, LDB116"

    def _owed(self) -> list[str]:
        """Return the attributes that hold something fresh, to be released, once an object has been made."""
        init = self.owner.find_method("__init__")
        if init is None or not init.params or not self.program.classes.is_made_by_init(self.owner):
            return []
        if self.owner.has_unknown_base:
            return []
        start = State()
        start.env[init.params[0].name.value] = Instance(OWN_OBJECT, self.owner)
        program = self.opened.program_of(init.index)
        run = program.run_for_caller(Watcher, init, start, self.owner, owns_self=True)
        found: dict[str, None] = {}
        for end in run.exits:
            for name, value in end.state.env.items():
                if end.is_raise or not name.startswith("self.") or not isinstance(value, (Ref, Instance)):
                    continue
                statuses = (end.state.status(rid) for rid in end.state.refs(value))
                if any(status is not None and status.owed for status in statuses):
                    found[name.removeprefix("self.").partition(".")[0]] = None
        return sorted(found)

    def _name(self, method: FunctionInfo) -> str:
        return method.name if method.owner is self.owner else method.qualname

    def _where(self, node: cst.CSTNode | None, method: FunctionInfo) -> str:
        place = self.opened.place(node, method.index)
        if place is None:
            return ""
        own = method.index is self.opened.index
        return f" (line {place.span.line})" if own else f" ({place.path}:{place.span.line})"
