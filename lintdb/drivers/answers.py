"""Answers the flow engine's questions from driver models: see `lintdb.flow.knowledge.Knowledge`."""

from __future__ import annotations

import builtins
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from lintdb.drivers.catalog import Models, Own, driver_names, import_roots, load_models
from lintdb.drivers.query_text import (
    answer_of,
    changed_table,
    changes_within,
    looks_at_index,
    may_lock,
    only_asks,
    returns_key,
    split_statements,
    stands_apart,
    tables_of,
    temporary_table,
)
from lintdb.effects import OWN_BLOCK, AfterError, CallModel, Event, Kind, Server, WithBlock

_NOISE = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()+", re.DOTALL)
_LIKE_DATABASE = re.compile(
    r"db|database|sql|integrity|duplicate|constraint|unique|deadlock|connection|operational|transaction|storage",
    re.IGNORECASE,
)
"""In names of errors into which other libraries and projects translate a driver's."""
_NAMED_BEFORE = re.compile(
    r"(?:^|_)(?:async|sync|db|database|conn|connection|cnx|pg|postgres|sql|mysql|oracle|neo4j|main|read|write|test|the)_[a-z]+$"
)
"""What may stand before a word that tells what something is: `db_engine`, `pg_pool`; not `http_pool`."""
_SESSION_NAME = re.compile(r"(?:session|sess|db|database)$", re.IGNORECASE)
_CONNECTION_NAME = re.compile(r"(?:conn|connection|^con|_con|cnx|cxn|db|dbh|database)$", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]+")
_EVENTS = {
    "SELECT": Event.READ, "SHOW": Event.READ, "EXPLAIN": Event.READ, "VALUES": Event.READ, "TABLE": Event.READ,
    "DESCRIBE": Event.READ, "DESC": Event.READ, "FETCH": Event.READ, "LISTEN": Event.READ,
    "INSERT": Event.WRITE, "UPDATE": Event.WRITE, "DELETE": Event.WRITE, "REPLACE": Event.WRITE, "MERGE": Event.WRITE,
    "UPSERT": Event.WRITE, "COPY": None, "COMMIT": Event.COMMIT, "END": Event.COMMIT, "ABORT": Event.ROLLBACK,
}  # fmt: skip
# Not `BEGIN … END` blocks of stored code, nor scripts of several statements, which may end what they begin.
_BEGINS = re.compile(
    r"(?:start\s+tran(?:saction)?|begin(?:\s+(?:work|tran|transaction|deferred|immediate|exclusive|concurrent))*)"
    r"(?:[\s,]+(?:isolation\s+level\s+(?:serializable|repeatable\s+read|read\s+(?:un)?committed)|read\s+only|read\s+write"
    r"|(?:not\s+)?deferrable|with\s+consistent\s+snapshot))*[\s;]*",
    re.IGNORECASE,
)
_OF_BLOCKS = frozenset({"DECLARE", "DO", "IF", "ELSE", "ELSIF", "WHILE", "LOOP", "FOR", "EXCEPTION", "DELIMITER"})
"""Words that begin a block of code, or a part of one: whatever stands in it does not run as the text does."""
_STORED = re.compile(
    r"\bcreate\s+(?:or\s+(?:replace|alter)\s+)?(?:\S+\s+){0,3}?(?:function|procedure|trigger|package|event)\b",
    re.IGNORECASE,
)
_OF_THE_SESSION = re.compile(r"\bcreate\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?\b", re.IGNORECASE)
"""What goes with its connection, or transaction: nothing is lost with that."""
_DEFINITIONS = frozenset({"CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "COMMENT", "GRANT", "REVOKE"})


def first_word(text: str) -> str:
    """Return the verb of a query text in capitals: the first word that is not in a comment or a parenthesis."""
    match = _NOISE.match(text)
    word = _WORD.match(text, match.end() if match else 0)
    return word.group().upper() if word else ""


def _is_below(name: str, roots: Iterable[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


_NO_MODELS = Models((), {}, {}, {}, {}, {})


class Answers:
    """`Knowledge` backed by the models that one file needs.

    What comes from other files of its project may belong to further libraries: their models, for *versions*, tell of
    kinds and exception classes, but give no name of this file a meaning. *imports* gives the dotted names that the file
    imports, and *text* is its own: both may tell which server it works with. *is_own* says whether the project defines
    a dotted name.
    """

    def __init__(
        self,
        models: Models,
        versions: Mapping[str, str] | None = None,
        own: Own = (),
        imports: Callable[[], Iterable[str]] = tuple,
        is_own: Callable[[str], bool] = lambda _: False,
        *,
        text: str = "",
    ) -> None:
        self.models = models
        self._is_own = is_own
        self._text = text
        self._imports = imports
        self._settled: dict[str, Kind] = {}
        self._versions = versions or {}
        self._own = own
        self._roots = {name: driver.name for driver in models.drivers for name in driver.imports}
        self._roots.pop("stdlib", None)
        layers = [driver.errors for driver in models.drivers if driver.is_layer]
        self._layered_errors = {error for error in layers if error is not None}

    def _canonical(self, dotted: str) -> str:
        """Return the models' own name; `project.compat.sqlite3.connect` is taken for the module re-exported there."""
        if dotted.partition(".")[0] not in self._roots:
            parts = dotted.split(".")
            for number in range(1, len(parts) - 1):
                if parts[number] in self._roots and not self._is_own(dotted):
                    dotted = ".".join(parts[number:])
                    break
        return self.models.canonical(dotted)

    def function(self, dotted: str) -> tuple[CallModel, ...]:
        """Return the models of a function by any of its dotted names."""
        found = self.models.functions.get(dotted)
        return found if found is not None else self.models.functions.get(self._canonical(dotted), ())

    def kind(self, kind_id: str) -> Kind | None:
        """Return a kind by its id."""
        if kind_id.endswith(OWN_BLOCK):
            return self._with_own_block(kind_id)
        found = self.models.kinds.get(kind_id)
        if found is None:
            found = self._others(kind_id.partition(".")[0]).kinds.get(kind_id)
        if found is None or found.after_error is not AfterError.DEPENDS or self._server is None:
            return found
        settled = self._settled.get(kind_id)
        if settled is None:
            settled = self._settled[kind_id] = replace(
                found, after_error=self._server.after_error, definition_event=self._server.definition_event
            )
        return settled

    def awaited_twin(self, kind_id: str) -> str | None:
        """Return the kind that models name so: `async_connection` beside `connection`."""
        driver, _, name = kind_id.partition(".")
        twin = f"{driver}.async_{name}"
        return twin if self.kind(twin) is not None else None

    def _with_own_block(self, kind_id: str) -> Kind | None:
        """Return the kind that is left in a way of which nothing is known."""
        found = self._settled.get(kind_id)
        plain = self.kind(kind_id.removesuffix(OWN_BLOCK)) if found is None else None
        if plain is not None:
            found = replace(plain, with_block=WithBlock.UNKNOWN, async_with_block=WithBlock.UNKNOWN)
            self._settled[kind_id] = found
        return found

    @functools.cached_property
    def _server(self) -> Server | None:
        """The one server that the file is written for, as far as its imports and its queries tell."""
        servers = [server for driver in self.models.drivers for server in driver.servers]
        names = set(self._imports()) if servers else set()
        found = [
            server
            for server in servers
            if any(_is_below(name, server.imports) for name in names)
            or any(re.search(pattern, self._text, re.IGNORECASE) for pattern in server.queries)
        ]
        return found[0] if len(found) == 1 else None

    @staticmethod
    def changes_behind_clause(text: str) -> bool:
        """See `Knowledge`."""
        return first_word(text) == "WITH" and changes_within(text)

    def definition_event(self, kind: Kind, scheme: str) -> Event | None:
        """Return what a query counts as that defines something, on what was had by a connection string of a scheme."""
        server = self._server_behind(kind, scheme)
        return server.definition_event if server is not None else kind.definition_event

    def after_error(self, kind: Kind, scheme: str) -> AfterError:
        """Return what a failed statement does, on what was had by a connection string of a scheme."""
        server = self._server_behind(kind, scheme) if kind.after_error is AfterError.DEPENDS else None
        return server.after_error if server is not None else kind.after_error

    def _server_behind(self, kind: Kind, scheme: str) -> Server | None:
        """Return the server of those that a kind can talk to which a scheme means."""
        driver = self.models.driver(kind.driver) or self._others(kind.driver).driver(kind.driver)
        servers = driver.servers if driver is not None and scheme else ()
        return next((each for each in servers if scheme.partition("+")[0] in each.schemes), None)

    def _others(self, driver: str) -> Models:
        """Return the models of a library that the file itself does not name; none for what is no library."""
        is_known = driver in driver_names() or any(model.name == driver for model in self._own)
        return load_models([driver], self._versions, self._own) if is_known else _NO_MODELS

    def kinds(self) -> Iterable[Kind]:
        """Return all kinds of the loaded models but for those that only stand for one of another model."""
        copies = {driver.name for driver in self.models.drivers if driver.extends}
        return (kind for kind in self.models.kinds.values() if kind.driver not in copies)

    def families_named(self, name: str) -> set[str]:
        """Return the families that something of that name is of: `db_conn`, `session`, `db`."""
        found = {"session"} if _SESSION_NAME.search(name) else set()
        return found | {"connection", "checkout"} if _CONNECTION_NAME.search(name) else found

    def is_of_driver(self, dotted: str) -> bool:
        """Whether a dotted name belongs to a loaded driver."""
        return dotted.partition(".")[0] in self._roots

    def drivers_of_error(self, name: str) -> set[str]:
        """Return the loaded drivers whose calls raise an exception class or one derived from it."""
        if not self.breaks_units(name):
            return set()
        canonical = self._canonical(name)
        chain = {canonical, *(self._ancestors(canonical) or ())}
        found = {driver for driver, error in self.models.errors.items() if error in chain}
        if not found:
            found = {driver for root, driver in self._roots.items() if root == canonical.partition(".")[0]}
        return found

    def statement_event(self, method: str) -> Event | None:
        """Return what a statement does that `table.insert()` and the like make, where a loaded driver has such."""
        return self.models.statements.get(method)

    def kind_of_type(self, dotted: str) -> str | None:
        """Return the kind that a class name in an annotation stands for."""
        return self.models.types.get(dotted) or self.models.types.get(self._canonical(dotted))

    def kind_of_base(self, dotted: str) -> str | None:
        """Return the kind that classes are which derive from a class."""
        return self.models.classes.get(dotted) or self.models.classes.get(self._canonical(dotted))

    def kind_of_object(self, dotted: str) -> str | None:
        """Return the kind of an object that is always there."""
        return self.models.objects.get(dotted) or self.models.objects.get(self._canonical(dotted))

    def event_of_text(self, text: str, is_prefix: bool) -> Event | None:
        """Return what a query text does; None where its verb is not known or not all of it can be seen."""
        word = first_word(text)
        if word == "WITH":
            if changes_within(text):
                return Event.WRITE
            return None if is_prefix else Event.READ
        if word == "ROLLBACK":
            return Event.ROLLBACK_PART if re.search(r"\bto\b", text, re.IGNORECASE) else Event.ROLLBACK
        if word in ("BEGIN", "START"):
            match = _NOISE.match(text)
            begins = _BEGINS.fullmatch(text, match.end() if match else 0)
            return Event.BEGIN if begins and not is_prefix else None
        return Event.READ if word == "INSERT" and looks_at_index(text) else _EVENTS.get(word)

    def statements_of(self, text: str) -> list[str]:
        """Return the statements of a text; the text alone where parts of stored code, or of a block, may be of them."""
        found = split_statements(text)
        has_begun = False
        for each in found:
            word = first_word(each)
            begins = word in ("BEGIN", "START") and self.event_of_text(each, is_prefix=False) is Event.BEGIN
            is_of_block = word in _OF_BLOCKS or (word in ("BEGIN", "START") and not begins)
            if is_of_block or (word == "END" and not has_begun) or _STORED.search(each):
                return [text]
            has_begun = has_begun or begins
        return found or [text]

    def is_clean_up(self, method: str) -> bool:
        """Return whether a method of that name releases something, or ends a unit of work."""
        return method in self._clean_ups

    @functools.cached_property
    def _clean_ups(self) -> frozenset[str]:
        return frozenset(
            name
            for kind in self.models.kinds.values()
            for name, models in kind.methods.items()
            for model in models
            if model.releases == "self" or model.event in (Event.COMMIT, Event.ROLLBACK)
        )

    def answer_of_text(self, text: str, is_prefix: bool) -> str:
        """Return what a query text gives: "row" (surely one), "perhaps" (there may be none), "every" row, "unknown"."""
        return answer_of(text, is_prefix)

    def tables_of_text(self, text: str) -> tuple[frozenset[str], str]:
        """Return the tables that a query text puts rows into, and the one that it asks; empty: none, or not known."""
        return tables_of(text)

    @staticmethod
    def may_lock(text: str) -> bool:
        """See `Knowledge`."""
        return may_lock(text)

    @staticmethod
    def only_asks(text: str) -> bool:
        """See `Knowledge`."""
        return only_asks(text)

    @staticmethod
    def returns_key(code: str) -> bool:
        """See `Knowledge`."""
        return returns_key(code)

    def keeps_rows(self, method: str) -> bool:
        """Whether a method of a query object, or of rows, leaves their number as it was."""
        return any(method in driver.same_rows for driver in self.models.drivers)

    def borrowers(self) -> frozenset[str]:
        """Return the methods that leave what they are given to their caller, whatever object they are called on."""
        return self._borrowers

    def scope_blocks(self) -> frozenset[str]:
        """Return the methods whose blocks are scopes: of any object, since the one that has them is a framework's."""
        return self._scope_blocks

    @functools.cached_property
    def _scope_blocks(self) -> frozenset[str]:
        return frozenset(name for kind in self.kinds() for name in kind.scope_blocks)

    def pool_borrowers(self) -> frozenset[str]:
        """Return the methods that leave a pool that they are given to their caller."""
        return self._pool_borrowers

    @functools.cached_property
    def _pool_borrowers(self) -> frozenset[str]:
        return frozenset(method for driver in self.models.drivers for method in driver.pool_borrowers)

    @functools.cached_property
    def _borrowers(self) -> frozenset[str]:
        return frozenset(method for driver in self.models.drivers for method in driver.borrowers)

    def telltales(self, name: str = "") -> frozenset[str]:
        """Return the methods that objects of no other library have, or none of such a name."""
        before, _, word = name.lower().rpartition("_")
        if before and _NAMED_BEFORE.search(name.lower()) is None:
            return self._telltales
        return self._telltales | self._named[word] if word in self._named else self._telltales

    def named_telltales(self) -> frozenset[str]:
        """Return the methods that tell what something is, together with its name."""
        return frozenset().union(*self._named.values())

    @functools.cached_property
    def _named(self) -> Mapping[str, frozenset[str]]:
        words = {word for driver in self.models.drivers for word in driver.named}
        return {
            word: frozenset(method for driver in self.models.drivers for method in driver.named.get(word, ()))
            for word in words
        }

    @functools.cached_property
    def _telltales(self) -> frozenset[str]:
        return frozenset(method for driver in self.models.drivers for method in driver.telltale)

    def temporary_table(self, text: str) -> str:
        """Return the name of the temporary table that a query text makes; empty: none."""
        return temporary_table(text)

    def changed_table(self, text: str) -> str:
        """Return the table that a query text changes, if that is what it begins with; empty: none."""
        return changed_table(text)

    def is_definition(self, text: str) -> bool:
        """Whether a query text creates, alters or drops something in a unit of work."""
        is_definition = first_word(text) in _DEFINITIONS and not stands_apart(text)
        return is_definition and _OF_THE_SESSION.search(text) is None

    def error_class(self, driver: str) -> str | None:
        """Return the base class of the exceptions that a driver's calls raise."""
        return self.models.errors.get(driver) or self._others(driver).errors.get(driver)

    def version_of(self, driver: str) -> str:
        """Return a library with the version that the answers hold for: "redis-py 8.1"; empty for an unknown one."""
        found = self.models.driver(driver) or self._others(driver).driver(driver)
        return f"{found.title} {found.version}" if found is not None else ""

    def naive_time(self, driver: str) -> str:
        """Return what a library makes of a time without a zone: "session", "local", "utc", "as-is", or "" (unknown)."""
        found = self.models.driver(driver)
        return found.naive_time if found is not None else ""

    def quotes_names(self, driver: str) -> bool:
        """Return whether a library takes what stands between double quotes for a name, never for a text.

        Of one that is not known, or works through others, it is said if some library of the file does.
        """
        found = self.models.driver(driver)
        if found is None or found.is_layer:
            return any(each.quotes_names for each in self.models.drivers)
        return found.quotes_names

    def is_driver_error(self, name: str) -> bool:
        """Whether an exception class belongs to a loaded driver."""
        root = self._roots.get(name.partition(".")[0])
        return root is not None and root in self.models.errors

    def breaks_units(self, name: str) -> bool:
        """Whether an exception class is a driver's error after which a unit of work may be broken."""
        canonical = self._canonical(name)
        is_known = self.is_driver_error(name) or canonical in self.models.exceptions
        return is_known and "." in name and canonical not in self.models.harmless

    def is_subclass(self, name: str, base: str) -> bool | None:
        """Compare exception classes; a class of a driver that its model does not list is one of the driver's errors."""
        name, base = self._canonical(name), self._canonical(base)
        if name == base:
            return True
        ancestors = self._ancestors(name)
        if ancestors is None:
            return None
        if base in ancestors:
            return True
        if name in self._layered_errors and self.is_driver_error(base):
            return None
        if self._ancestors(base) is not None or "." not in base:
            return False
        # What another library calls its errors is no base of a driver's, unless it has the name of one.
        is_own = name.partition(".")[0] in import_roots() and base.partition(".")[0] not in import_roots()
        last = base.rpartition(".")[2]
        return False if is_own and last not in self._error_names and not _LIKE_DATABASE.search(last) else None

    @functools.cached_property
    def _error_names(self) -> frozenset[str]:
        """The names of errors of the loaded drivers, as others may give them to what stands for one of several."""
        return frozenset(name.rpartition(".")[2] for name in (*self.models.exceptions, *self.models.errors.values()))

    def _ancestors(self, name: str) -> list[str] | None:
        """Return the known bases of an exception class, nearest first, or None for a class that is not known."""
        builtin = getattr(builtins, name, None)
        if isinstance(builtin, type) and issubclass(builtin, BaseException):
            return [base.__name__ for base in builtin.__mro__[1:-1]]
        found: list[str] = []
        current = name
        while current in self.models.exceptions:
            current = self.models.canonical(self.models.exceptions[current])
            found.append(current)
        if found:
            return found
        if self.is_driver_error(name):
            error = self.models.errors[self._roots[name.partition(".")[0]]]
            return [error, *(self._ancestors(error) or [])]
        return self._ancestors_elsewhere(name)

    def _ancestors_elsewhere(self, name: str) -> list[str] | None:
        """The same for an error of a library that only other files of the project import."""
        driver = import_roots().get(name.partition(".")[0])
        known = self._others(driver).exceptions if driver is not None and "." in name else {}
        found: list[str] = []
        while name in known:
            name = known[name]
            found.append(name)
        return found or None
