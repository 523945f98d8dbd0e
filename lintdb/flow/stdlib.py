"""What the engine knows of the standard library as such: names of calls that never fail, wrap, register, or end.

Libraries that hand out resources are data (driver models); these are the few whose meaning is control flow itself.
"""

from __future__ import annotations

ENDS_PROCESS = frozenset({"sys.exit", "os._exit", "os.abort", "exit", "quit", "os.execv", "os.execvp", "os.execve"})
"""Calls after which the function does not go on, and after which an open resource does no harm."""
FAILING_METHODS = frozenset({"fail_json"})
ENDING_METHODS = FAILING_METHODS | {"exit_json"}
"""Methods that end the process, in files that import Ansible: those of its modules, which functions are given."""
_OF_PARSERS, _OF_CONTEXTS = frozenset({"error", "exit"}), frozenset({"fail", "exit", "abort"})
ENDS_COMMAND = {
    **dict.fromkeys(("argparse.ArgumentParser", "optparse.OptionParser"), _OF_PARSERS),
    **dict.fromkeys(("click.get_current_context", "click.Context", "typer.Context"), _OF_CONTEXTS),
}
"""Methods that end the command that is run, of what is made by a call or said by an annotation."""
PASSES_CONTEXT = frozenset({"click.pass_context", "click.decorators.pass_context"})
"""Decorators that give a command its context as the first argument."""

_HTTP_ERROR = "werkzeug.exceptions.HTTPException"
ALWAYS_RAISES = {
    **dict.fromkeys(("flask.abort", "werkzeug.exceptions.abort", "quart.abort", "flask_restful.abort"), _HTTP_ERROR),
    **dict.fromkeys(("flask_restx.abort", "flask_smorest.abort", "webargs.flaskparser.abort"), _HTTP_ERROR),
    "bottle.abort": "bottle.HTTPError", "sanic.exceptions.abort": "sanic.exceptions.SanicException",
    "pytest.fail": "pytest.fail.Exception", "pytest.skip": "pytest.skip.Exception",
    "pytest.exit": "pytest.exit.Exception",
}  # fmt: skip
"""Calls that never return, with the class of what they raise."""

TYPED_KEYS = frozenset({"aiohttp.web.AppKey", "aiohttp.web.RequestKey", "aiohttp.web.ResponseKey"})
"""What makes the key of a mapping, with the type of what stands under it as the second argument."""

SLEEPS = frozenset({"asyncio.sleep", "anyio.sleep", "trio.sleep"})
"""Coroutine functions that fail only where they are cancelled: by somebody else, or by a limit around them."""

NEVER_RAISES = frozenset({
    "print", "len", "range", "isinstance", "issubclass", "str", "repr", "id", "type", "bool", "callable", "hasattr",
    "object", "time.time", "time.monotonic", "time.perf_counter", "time.sleep", "datetime.datetime.now",
    "datetime.datetime.utcnow", "datetime.date.today", "traceback.print_exc", "traceback.format_exc",
    "structlog.get_logger", "structlog.getLogger",
    "logging.getLogger", "os.getpid", "threading.get_ident", "sys.stdout.write", "sys.stderr.write",
    "sys.stdout.flush", "sys.stderr.flush", "warnings.warn", "collections.defaultdict", "collections.Counter",
    "globals", "locals", "os.path.join", "os.path.exists", "os.path.basename",
    "os.path.dirname", "os.path.isfile", "os.path.isdir", "asyncio.Lock", "threading.Lock", "threading.RLock",
    "threading.Event", "asyncio.Event", "super", "time.strftime", "time.localtime", "time.gmtime", "uuid.uuid4",
    "os.environ.get", "os.getenv", "random.random", "asyncio.current_task", "asyncio.get_running_loop",
    "asyncio.get_event_loop", "threading.current_thread", "contextvars.ContextVar", "contextvars.copy_context",
    "os.urandom", "time.process_time", "os.getcwd", "platform.system", "platform.node", "socket.gethostname",
    "copy.copy", "inspect.currentframe", "asyncio.Semaphore", "asyncio.Condition", "asyncio.Queue", "asyncio.timeout",
    "asyncio.timeout_at", "asyncio.TaskGroup", "anyio.create_task_group", "anyio.fail_after", "anyio.move_on_after",
    "trio.open_nursery", "trio.fail_after", "trio.move_on_after", "threading.Semaphore", "threading.BoundedSemaphore",
    "threading.Condition", "threading.Barrier", "threading.local", "queue.Queue", "queue.SimpleQueue",
    "warnings.catch_warnings", "gettext.gettext", "gettext.ngettext", "flask_babel.gettext", "flask_babel.ngettext",
    "flask_babel.lazy_gettext", "django.utils.translation.gettext", "django.utils.translation.ngettext",
    "django.utils.translation.gettext_lazy",
})  # fmt: skip
"""Calls that do not fail in practice and do nothing to what they are given."""

TYPES_OF = {
    "tuple": ("tuple", "collections.abc.Sequence", "typing.Sequence"),
    "list": (
        "list", "collections.abc.Sequence", "typing.Sequence", "collections.abc.MutableSequence",
        "typing.MutableSequence",
    ),
    "set": ("set", "collections.abc.Set", "collections.abc.MutableSet", "typing.AbstractSet", "typing.MutableSet"),
    "frozenset": ("frozenset", "collections.abc.Set", "typing.AbstractSet"),
    "dict": (
        "dict", "collections.abc.Mapping", "typing.Mapping", "collections.abc.MutableMapping", "typing.MutableMapping",
    ),
}  # fmt: skip
"""What objects of each built-in container are, of what no resource is."""
DATA_TYPES = frozenset({
    "str", "bytes", "bytearray", "int", "float", "bool", "pathlib.Path", "pathlib.PurePath", "os.PathLike",
    "datetime.datetime", *(name for names in TYPES_OF.values() for name in names),
})  # fmt: skip
"""Types of values that no resource is one of: a class may be given a connection, or what one is opened with."""

NUMBERS = frozenset({"int", "float", "round", "abs"})
"""Calls that fail only for what is no number."""
LARGEST = frozenset({"max", "min"})
"""Calls that fail only for what cannot be compared, or where there is nothing to compare."""
CLOCKS = frozenset({"time", "monotonic", "perf_counter", "process_time", "time_ns", "monotonic_ns", "perf_counter_ns"})
"""Functions that read a clock, by the last part of their names: they give a number."""

LOCK_NAMES = ("lock", "mutex", "semaphore")
"""How variables end that hold a lock; taking one does not fail."""

COMBINES = frozenset({
    "list", "tuple", "set", "frozenset", "dict", "sorted", "zip", "enumerate", "reversed", "collections.deque",
    "collections.OrderedDict",
})  # fmt: skip
"""Calls whose result holds what they are given."""
FILLED_LATER = frozenset({"list", "set", "dict", "collections.deque", "collections.OrderedDict"})
"""Those that make an empty container when they are given nothing."""
REGROUPS = COMBINES - {"zip", "enumerate"}
"""Those whose result has the items of what they are given."""

NEEDS_VALUE = frozenset({
    "int", "float", "len", "list", "tuple", "dict", "set", "sorted", "sum", "iter", "json.loads", "pickle.loads",
    "datetime.datetime.fromisoformat", "datetime.date.fromisoformat",
})  # fmt: skip
"""Calls that fail with a TypeError where they are given None."""

REINDENTS = frozenset({"textwrap.dedent", "inspect.cleandoc", "string.Template"})
"""Functions whose result says the same as the text that they are given."""

RUNS_TOGETHER = frozenset({"asyncio.gather", "asyncio.wait", "asyncio.as_completed"})
CALLS_ELSEWHERE = frozenset({
    "asyncio.to_thread", "anyio.to_thread.run_sync", "starlette.concurrency.run_in_threadpool",
    "fastapi.concurrency.run_in_threadpool",
})  # fmt: skip
"""Functions that call their first argument on another thread, and wait for it."""
METHODS_THAT_CALL_ELSEWHERE = {"run_in_executor": 1}
"""The same of methods, whatever has them: with the place of what is called among the arguments."""
METHODS_THAT_RUN = frozenset({"run_until_complete"})
"""Methods that wait for the coroutine that is their first argument."""
GATHERS = frozenset({"asyncio.gather"})
STARTS_COROUTINES = GATHERS | {"asyncio.shield"}
"""What starts the coroutines that it is given, and gives something to wait for."""
STARTS_THREAD = frozenset({"threading.Thread", "threading.Timer", "asyncio.to_thread", "anyio.to_thread.run_sync"})
STARTS_THREAD_METHODS = frozenset({"submit", "run_in_executor"})
THREAD_POOLS = frozenset({
    "concurrent.futures.ThreadPoolExecutor", "concurrent.futures.thread.ThreadPoolExecutor",
    "multiprocessing.pool.ThreadPool", "multiprocessing.dummy.Pool",
})  # fmt: skip
"""Classes whose objects run functions on threads of theirs."""
THREAD_POOL_METHODS = frozenset({"map", "imap", "imap_unordered", "starmap", "map_async", "starmap_async"})
"""Methods of theirs that run their first argument many times at once."""
STARTS_TASK = frozenset({"asyncio.create_task", "asyncio.ensure_future"})
STARTS_TASK_METHODS = frozenset({"create_task"})
"""Methods of groups that run a coroutine beside all others of the group."""
STARTS_CALL_METHODS = frozenset({"start_soon"})
"""The same, given a coroutine function and its arguments."""

PROCESSES = frozenset({
    "multiprocessing.Process", "multiprocessing.process.Process", "multiprocessing.context.Process", "billiard.Process",
})  # fmt: skip
"""Classes whose objects run their `target` in a process of its own."""
PROCESS_POOLS = frozenset({
    "multiprocessing.Pool", "multiprocessing.pool.Pool", "concurrent.futures.ProcessPoolExecutor",
    "concurrent.futures.process.ProcessPoolExecutor", "billiard.Pool",
})  # fmt: skip
PROCESS_POOL_METHODS = frozenset({
    "submit", "map", "map_async", "imap", "imap_unordered", "starmap", "starmap_async", "apply", "apply_async",
})  # fmt: skip
"""Methods of theirs whose first argument runs in one of the processes."""
WORKER_TASKS = frozenset({"celery.shared_task", "celery.task", "celery.app.shared_task"})
"""Decorators of functions that workers run, which are forked when the modules of the tasks have been imported."""

_HTTP = ("get", "post", "put", "patch", "delete", "head", "options", "request", "stream")
WAITS = frozenset({
    "time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep", "eventlet.sleep", "input",
    "getpass.getpass", "click.prompt", "click.confirm", "typer.prompt", "typer.confirm", "subprocess.run",
    "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.getoutput", "os.system",
    "os.popen", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "urllib.request.urlopen",
    "urllib.request.urlretrieve", "urllib3.request", "socket.create_connection", "smtplib.SMTP", "smtplib.SMTP_SSL",
    "ftplib.FTP", "imaplib.IMAP4_SSL", "poplib.POP3_SSL", "django.core.mail.send_mail",
    "django.core.mail.send_mass_mail", "django.core.mail.mail_admins", "aiohttp.request",
    *(f"{package}.{verb}" for package in ("requests", "httpx") for verb in _HTTP),
})  # fmt: skip
"""Calls that wait for a clock, a person, another program or another service."""
SERVICE_CLIENTS = frozenset({
    "requests.Session", "requests.session", "requests.sessions.Session", "httpx.Client", "httpx.AsyncClient",
    "aiohttp.ClientSession",
})  # fmt: skip
"""Classes whose objects wait for another service, with the methods of these names."""
SERVICE_METHODS = frozenset(_HTTP)
SHORT_WAIT = 0.1
"""Seconds below which a wait is not worth a word."""

KEEPS_TEXT = frozenset({"strip", "lstrip", "rstrip"})
"""Methods of texts whose result says the same."""

LAZY = frozenset({"zip", "enumerate"})
"""Of those, the ones whose result reads what it is given when it is read."""

LOG_METHODS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "fatal", "trace"})
LOG_NAMES = frozenset({
    "log", "logger", "logging", "getlogger", "audit_log", "mlog", "applog", "logging_logger", "module_logger",
    "console", "loguru",
})  # fmt: skip

MILD_FUNCTIONS = frozenset({
    "int", "float", "round", "abs", "min", "max", "sum", "any", "all", "bytes", "chr", "ord", "hex", "divmod",
    "iter", "map", "filter", "getattr", "setattr", "vars", "dir", "format", "json.dumps", "os.path.abspath",
    "pathlib.Path", "datetime.timedelta", "decimal.Decimal", "unittest.mock.Mock", "unittest.mock.MagicMock",
    "unittest.mock.AsyncMock", "types.SimpleNamespace", "re.compile", "re.findall", "re.match", "re.search",
    "random.randint", "random.uniform", "re.sub", "textwrap.dedent", "shlex.quote", "urllib.parse.quote_plus",
    # No thread runs before there is work for it, or somebody calls `start()`.
    "threading.Thread", "threading.Timer", "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.thread.ThreadPoolExecutor",
    # These open nothing, and read nothing yet.
    "argparse.ArgumentParser", "configparser.ConfigParser", "configparser.RawConfigParser", "io.StringIO", "io.BytesIO",
    "logging.Formatter", "logging.StreamHandler", "collections.ChainMap", "collections.namedtuple", "itertools.chain",
    "itertools.count", "itertools.repeat", "hashlib.md5", "hashlib.sha1", "hashlib.sha256", "hashlib.sha512",
    "time.time_ns", "time.monotonic_ns", "time.ctime", "datetime.datetime.today", "random.Random",
    "requests.Session", "requests.session", "string.Template",
})  # fmt: skip
MILD_METHODS = frozenset({
    "strip", "lstrip", "rstrip", "replace", "lower", "upper", "startswith", "endswith", "join", "split", "rsplit",
    "splitlines", "title", "capitalize", "isdigit", "isalpha", "isnumeric", "zfill", "ljust", "rjust", "format",
    "items", "keys", "values", "append", "update", "setdefault", "extend", "add", "isoformat", "strftime",
    "total_seconds", "partition", "rpartition", "hexdigest", "count", "close", "aclose", "acquire", "release",
    "disconnect", "shutdown", "terminate", "dispose", "cancel", "is_set", "is_alive",
})  # fmt: skip
"""Calls that could raise in theory. A path on which one does is reported with low confidence only."""

RUNS_GENERATOR = COMBINES | {"any", "all", "sum", "max", "min", "next", "collections.deque", "str.join"} - {"zip"}
"""Calls that run a generator expression at once."""

PURE_TESTS = frozenset({"isinstance", "issubclass", "hasattr", "callable", "len", "bool"})

COROUTINE_TYPES = frozenset({"collections.abc.Coroutine", "typing.Coroutine", "types.CoroutineType"})
AWAITABLE_TYPES = COROUTINE_TYPES | {"collections.abc.Awaitable", "typing.Awaitable"}
"""Types of what coroutine functions return; the second, with those of other things that can be awaited."""

TYPE_TESTS = {
    "asyncio.iscoroutine": "types.CoroutineType", "asyncio.coroutines.iscoroutine": "types.CoroutineType",
    "inspect.iscoroutine": "types.CoroutineType", "inspect.isawaitable": "collections.abc.Awaitable",
}  # fmt: skip
"""Functions that ask for the type of their argument, with the type that they ask for."""

KEEPS_FUNCTION = frozenset({
    "functools.wraps", "staticmethod", "classmethod", "typing.no_type_check", "functools.lru_cache", "functools.cache",
    "contextlib.contextmanager", "contextlib.asynccontextmanager", "typing.overload", "asyncio.coroutine",
    "typing.override", "typing.final", "typing_extensions.override", "typing_extensions.final",
    "typing_extensions.deprecated", "warnings.deprecated",
    # They run it again after an error, and give what it gives.
    "tenacity.retry", "backoff.on_exception", "retrying.retry", "retry.retry", "stamina.retry",
})  # fmt: skip
"""Decorators after which the name still stands for the function, as far as what it captures goes."""

GENERATOR_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
FIXTURES = frozenset({"pytest.fixture", "pytest_asyncio.fixture", "pytest.yield_fixture"})
RECORDS = frozenset({
    "dataclasses.dataclass", "attr.s", "attr.attrs", "attr.define", "attr.frozen", "attr.mutable", "attr.dataclass",
    "attrs.define", "attrs.frozen", "attrs.mutable", "pydantic.dataclasses.dataclass",
})  # fmt: skip
"""Decorators of classes that write the constructor and leave the methods as they are."""
NAMED_TUPLES = frozenset({"typing.NamedTuple", "typing_extensions.NamedTuple"})
MODELS = frozenset({"pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel"})
"""Bases of classes that write the constructor, and keep objects that they do not know as they are."""
FIELD_MAKERS = frozenset({"dataclasses.field", "attr.ib", "attr.attrib", "attr.field", "attrs.field", "pydantic.Field"})
"""Calls that say what a field of such a class is like."""
CACHES = frozenset({"functools.lru_cache", "functools.cache", "functools.cached_property", "cached_property"})

INJECTORS = frozenset({
    "fastapi.Depends", "fastapi.Security", "fastapi.params.Depends", "litestar.di.Provide", "taskiq.TaskiqDepends",
    "taskiq_dependencies.Depends", "fast_depends.Depends", "faststream.Depends",
})  # fmt: skip
"""Calls that make a dependency of a generator function: it is run as a context manager round its user."""
RESOURCE_PROVIDERS = frozenset({
    "dependency_injector.providers.Resource", "dishka.provide", "dishka.provider.provide",
})  # fmt: skip
"""Calls and decorators that take a generator function, and resume it when their container ends.

Read in the source of dishka 1.10: an error of a scope is sent to its generators as the value of `yield`, never thrown.
"""
APPLICATIONS = frozenset({
    "fastapi.FastAPI", "starlette.applications.Starlette", "litestar.Litestar", "fastapi.applications.FastAPI",
})  # fmt: skip
"""Classes whose objects run a manager round all that they serve."""
CLEANED_UP_APPLICATIONS = frozenset({"aiohttp.web.Application", "aiohttp.web_app.Application"})
"""Classes whose objects run generator functions, each as far as its `yield`, and the rest when they end."""

HANDLERS_OF_ONE_REQUEST = {"tornado.web.RequestHandler": ("finish", "on_finish")}
"""Classes of which a framework makes an object for each request, with the methods that it calls at its end in any case.

Read in the source of tornado 6.6: `_execute()` sends an error page for what is raised, and that calls `finish()`.
"""

PROXIES = frozenset({
    "wrapt.ObjectProxy", "wrapt.CallableObjectProxy", "wrapt.wrappers.ObjectProxy", "wrapt.BaseObjectProxy",
    "lazy_object_proxy.Proxy",
})  # fmt: skip
"""Classes whose objects stand for what they are made with, with all its attributes and methods."""

NAMESPACES = frozenset({"flask.g", "flask.globals.g", "quart.g"})
"""Objects that are there to have attributes set, by the functions of a request for each other."""
CLOSING = frozenset({"contextlib.closing"})
ACLOSING = frozenset({"contextlib.aclosing"})
SUPPRESS = frozenset({"contextlib.suppress"})
NULLCONTEXT = frozenset({"contextlib.nullcontext"})
EXIT_STACKS = frozenset({"contextlib.ExitStack", "contextlib.AsyncExitStack"})
SWALLOWS = frozenset({"pytest.raises", "pytest.warns"})
SWALLOWING_METHODS = frozenset({"assertRaises", "assertRaisesRegex"})
REGISTERS = frozenset({"atexit.register", "weakref.finalize"})
REGISTER_METHODS = frozenset({
    "addCleanup", "addAsyncCleanup", "addfinalizer", "enter_context", "enter_async_context", "enterContext",
    "enterAsyncContext", "enterClassContext", "addClassCleanup", "call_on_close", "callback", "push",
    "push_async_callback", "push_async_exit", "with_resource",
})  # fmt: skip
PASSES_THROUGH = frozenset({
    "asyncio.wait_for", "asyncio.shield", "asyncio.ensure_future", "asyncio.create_task", "typing.cast", "cast",
})  # fmt: skip
RUNS_COROUTINE = frozenset({"asyncio.run", "anyio.run", "trio.run"})
"""Functions that wait for a coroutine without an `await`."""
OF_AWAITABLES = frozenset({
    "send", "throw", "close", "add_done_callback", "remove_done_callback", "result", "exception", "cancel", "cancelled",
    "done", "get_loop", "__await__",
})  # fmt: skip
"""Methods of coroutines and futures themselves: any other one is missing there."""
FAILS_LATER = INJECTORS | {
    "asyncio.shield", "asyncio.ensure_future", "asyncio.create_task", "fastapi.Query", "fastapi.Path", "fastapi.Body",
    "fastapi.Header", "fastapi.Cookie", "fastapi.Form", "fastapi.File", "pydantic.Field",
}  # fmt: skip
"""What gives something to wait for, or says what a parameter is, and does nothing else by itself."""

AWAITS_FIRST = RUNS_COROUTINE | {"asyncio.wait_for", "asyncio.shield"}
IDENTITY = frozenset({"typing.cast", "cast"})
