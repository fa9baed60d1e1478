"""
Logging, for people on a terminal and for collectors in a pod.

Log lines go to stderr; results never pass through here.
"""

import logging
import sys
from datetime import UTC, datetime

_ROOT = "irsa"


def configure(*, debug: bool = False) -> None:
    """Log warnings as plain lines on stderr, or everything with `debug`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("irsa: %(levelname)s: %(message)s"))
    _install(handler, logging.DEBUG if debug else logging.WARNING)


def configure_pod(*, level: int = logging.INFO) -> None:
    """Log one JSON object a line on stderr: time, level, logger, message and extra fields."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    _install(handler, level)


def debugging() -> bool:
    """Whether `--debug` was given."""
    return logging.getLogger(_ROOT).isEnabledFor(logging.DEBUG)


def traceback(error: BaseException) -> None:
    """Log a traceback, for `--debug`."""
    logging.getLogger(_ROOT).debug("traceback", exc_info=error)


def _install(handler: logging.Handler, level: int) -> None:
    logger = logging.getLogger(_ROOT)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level)


class _JsonFormatter(logging.Formatter):
    _standard = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    def format(self, record: logging.LogRecord) -> str:
        import msgspec  # the processes in pods have it already; other commands log no JSON

        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({k: v for k, v in vars(record).items() if k not in self._standard})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry, enc_hook=str).decode()
