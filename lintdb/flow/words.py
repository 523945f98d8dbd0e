"""Names by which programs are known: what begins one, what it has one of, what goes on until it is stopped.

Names are all that tells of functions of libraries that no model speaks of. Too short a list here means a finding that
was made low for nothing, or one too many: who asks says which.
"""

from __future__ import annotations

import re

BEGINS = re.compile(
    r"_*(?:main|start|lifespan|startup|on_startup|setup|init"
    r"|(?:create|make|build|get)_(?:app|application|server|bot|dispatcher))"
)
"""What functions are called that run once, when a program begins."""

OF_PROGRAMS = frozenset({
    "self", "cls", "app", "application", "_app", "_", "bot", "loop", "server", "settings", "config", "cfg", "argv",
    "args", "options", "debug",
})  # fmt: skip
"""What such functions take; one that takes anything else does its work for that, as often as it comes."""

OF_CLIENTS = re.compile(
    r"(?:\w+_)?(?:id|sid|uid|user|users?name|websocket|ws|sock|socket|request|req|data|event|message|msg|room|channel|topic"
    r"|session|update|context|ctx|payload|job|task|item|tenant|token|email|player|peer|visitor|customer)"
)
"""What functions take that do their work for one client, one message, one user of many."""

START_UP = frozenset({"lifespan", "asynccontextmanager", "contextmanager", "on_event", "on_startup", "listener"})
"""Decorators of what runs when a server starts, some of them for other things, too."""

SERVES = re.compile(
    r"_*(?:serve|poll|polling|listen|consume|subscribe|schedule|watch|run_app|run_pending|run_until_disconnected)(?:_\w+)?"
    r"|_*(?:start|run|launch)_(?:\w+_)?(?:server|worker|scheduler|consumer|listener|daemon|webhook|bot|app|webapp|polling"
    r"|consuming|watcher|observer)\w*|\w+_(?:forever|polling)"
    r"|\w*(?:Server|Worker|Scheduler|Consumer|Listener|Daemon|Subscriber|Watcher|Observer)"
)
"""Names of what serves: `serve_forever()`, `run_server()`, `KafkaConsumer()`; a list of schedules does not."""
GOES_ON = frozenset({
    "idle", "sleep", "wait", "result", "start", "add_job", "create_task", "ensure_future", "Thread", "Process", "Timer",
    "pause", "sigwait", "mainloop",
})  # fmt: skip
"""With the names above, what a process calls that goes on until it is stopped, or that leaves its work to others."""

PRINTS = frozenset({"print", "echo", "secho", "tqdm"})
"""How a command tells whoever has started it how far it is. A job of the night writes to a log."""

PARSERS = frozenset({"ArgumentParser", "OptionParser"})
"""What reads a command line."""

COMMAND_CLASS = "Command"
"""What names of classes end with whose objects are commands: Django's `BaseCommand`, cliff's `Command`."""

COMMAND_BASES = re.compile(r"(?:django\.core\.management|cliff|cleo)\b.*Command$")
"""The classes of libraries that are known to run one command for one process."""

COMMAND_BODIES = frozenset({"handle", "take_action"})
"""The methods of theirs that do what the process was started for."""

COMMAND_HOOKS = COMMAND_BODIES | {
    "run", "execute", "main", "call", "check", "configure", "add_arguments", "add_options", "create_parser",
    "get_parser", "process_options", "run_from_argv", "initialize_app", "prepare_to_run_command", "clean_up",
    "initialize_options", "finalize_options", "on_exit", "on_error",
}  # fmt: skip
"""All that the libraries of such classes call of them."""

SERVED = frozenset({"app", "application", "api", "celery", "bot"})
"""What objects are called that others load from a module and run."""

RUNNERS = frozenset({"asyncio", "anyio", "trio", "curio", "uvloop", "loop", "runner", "aiorun"})
"""Whose `run` runs a coroutine, and comes back when that is done: that of others may be a server's."""

RUNS = frozenset({"run_until_complete", "run_sync", "async_to_sync", "syncify", "run_async", "asyncio_run"})
"""What else does that."""

MAPS = frozenset({
    "map", "imap", "imap_unordered", "starmap", "submit", "apply", "apply_async", "run", "run_until_complete",
    "to_thread", "run_in_executor", "partial", "filter", "sorted", "min", "max", "reduce",
})  # fmt: skip
"""What calls a function that it is given here and now: others may keep it, and call it for ever."""

BESIDE = frozenset({
    "create_task", "ensure_future", "gather", "as_completed", "TaskGroup", "create_task_group", "open_nursery",
    "start_soon", "start_server", "create_server", "serve", "serve_forever", "run_forever", "run_coroutine_threadsafe",
    "call_later", "call_soon", "add_reader", "add_signal_handler",
})  # fmt: skip
"""What has a part in everything that runs on an event loop beside the coroutine that it was started for."""

RELEASING_NAMES = frozenset({
    "close", "aclose", "disconnect", "shutdown", "stop", "dispose", "release", "cleanup", "teardown", "quit",
    "terminate", "finish", "close_connection", "close_connections", "__exit__", "__aexit__",
})  # fmt: skip
"""Methods that are meant to release what an object holds."""

ENDS_REQUESTS = ("teardown_request", "teardown_appcontext", "after_request", "middleware", "zope")
"""Words of a project in which something is done when a request is over."""

ENDS_OR_BEGINS = re.compile(
    r"commit|rollback|begin|atomic|transact|savepoint|clos|releas|remov|dispos|clean|session|conn|engine|pool|"
    r"(?:^|_)(?:db|uow|tx|unit|scope|save|persist|flush|stop|shutdown|quit|finish|terminate|teardown)(?:_|$)|^execute",
    re.IGNORECASE,
)
"""In the names that a decorator's wrapper mentions: it may end, or begin, what the function works with."""

LETS_OUT = re.compile(
    r"lock|sem|mutex|conn|cur|db|data|session|pool|engine|client|file|bar|stack|group|executor|tx|trans",
    re.IGNORECASE,
)
"""What objects are called whose blocks end something, and let errors out."""
