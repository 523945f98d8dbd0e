"""What the engine asks about the outside world. The flow package never sees where the answers come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lintdb.effects import AfterError, CallModel, Event, Kind


class ExceptionClasses(Protocol):
    """Answers about exception classes."""

    def is_subclass(self, name: str, base: str) -> bool | None:
        """Return whether exception class *name* derives from *base*; None where one of them is not known."""


class Knowledge(ExceptionClasses, Protocol):
    """Answers for one module: driver models, exception classes, query texts."""

    def function(self, dotted: str) -> tuple[CallModel, ...]:
        """Return the models of a function or constructor, the first whose conditions hold applies; empty: unknown."""

    def kind(self, kind_id: str) -> Kind | None:
        """Return a kind by its id."""

    def awaited_twin(self, kind_id: str) -> str | None:
        """Return the kind of the same library that does for coroutines what a kind does; None if there is none."""

    def kinds(self) -> Iterable[Kind]:
        """Return all kinds that are known, those of one library in the order of its model."""

    def families_named(self, name: str) -> set[str]:
        """Return the families that what a variable or attribute holds may be of, by its name."""

    def is_of_driver(self, dotted: str) -> bool:
        """Return whether a dotted name is something of a library that hands out resources."""

    def drivers_of_error(self, name: str) -> set[str]:
        """Return the libraries whose calls raise an exception class, or a class derived from it."""

    def statement_event(self, method: str) -> Event | None:
        """Return what a statement does that a method of an unknown object makes (`table.insert`)."""

    def kind_of_type(self, dotted: str) -> str | None:
        """Return the kind id that a class used in an annotation stands for."""

    def kind_of_base(self, dotted: str) -> str | None:
        """Return the kind id of classes that derive from a class: of the classes themselves."""

    def kind_of_object(self, dotted: str) -> str | None:
        """Return the kind id of an object that a module of a library always has."""

    def event_of_text(self, text: str, is_prefix: bool) -> Event | None:
        """Return what a query text does (read, write, begin, …), or None where it cannot be told."""

    def statements_of(self, text: str) -> list[str]:
        """Return the statements that a query text has, if it can be told where they end; else the text alone."""

    def is_clean_up(self, method: str) -> bool:
        """Return whether a method of that name releases something, or ends a unit of work."""

    def answer_of_text(self, text: str, is_prefix: bool) -> str:
        """Return what a query text gives: "row" (surely one), "perhaps" (there may be none), "every" row, "unknown"."""

    def tables_of_text(self, text: str) -> tuple[frozenset[str], str]:
        """Return the tables that a query text puts rows into, and the one that it asks; empty: none, or not known."""

    def may_lock(self, text: str) -> bool:
        """Whether a statement that reads may take locks that it holds until the unit of work ends."""

    def only_asks(self, text: str) -> bool:
        """Whether a query text is a question, and what it calls changes nothing."""

    def returns_key(self, code: str) -> bool:
        """Whether a statement, or the code that makes it, returns a column of rows that each has a value in."""

    def keeps_rows(self, method: str) -> bool:
        """Return whether a method of a query object, or of rows, leaves their number as it was (`order_by`)."""

    def borrowers(self) -> frozenset[str]:
        """Return the methods that leave what they are given to their caller, whatever object they are called on."""

    def scope_blocks(self) -> frozenset[str]:
        """Return the methods whose blocks are scopes, at the end of which what belongs to them is undone."""

    def pool_borrowers(self) -> frozenset[str]:
        """Return the methods that do so where they are given pools alone."""

    def telltales(self, name: str = "") -> frozenset[str]:
        """Return the methods by which what they are called on, under a certain name, is known to be of one library."""

    def named_telltales(self) -> frozenset[str]:
        """Return the methods that tell that together with a name."""

    def temporary_table(self, text: str) -> str:
        """Return the name of the table that a query text makes and that goes with its connection; empty: none."""

    def changed_table(self, text: str) -> str:
        """Return the table that a query text changes, if that is what it begins with; empty: none."""

    def is_definition(self, text: str) -> bool:
        """Return whether a query text creates, alters or drops something."""

    def changes_behind_clause(self, text: str) -> bool:
        """Return whether a query text begins with a WITH clause, and changes rows in it or behind it."""

    def definition_event(self, kind: Kind, scheme: str) -> Event | None:
        """Return what a query counts as that `is_definition`, where a connection string of that scheme led to it."""

    def after_error(self, kind: Kind, scheme: str) -> AfterError:
        """Return what a failed statement does to a unit of work, where a connection string of that scheme led to it."""

    def is_driver_error(self, name: str) -> bool:
        """Return whether a dotted exception class belongs to a library that hands out resources."""

    def breaks_units(self, name: str) -> bool:
        """Return whether a dotted exception class is an error after which a unit of work may be broken."""

    def error_class(self, driver: str) -> str | None:
        """Return the dotted class that calls of a driver raise."""

    def version_of(self, driver: str) -> str:
        """Return a library with the version that the answers hold for, in words."""

    def naive_time(self, driver: str) -> str:
        """Return what a library makes of a time without a zone: "session", "local", "utc", "as-is", or "" (unknown)."""

    def quotes_names(self, driver: str) -> bool:
        """Return whether a library takes what stands between double quotes for a name, never for a text.

        Of one that is not known, or works through others, it is said if some library of the file does.
        """
