"""The log: one line per event, whatever its message holds, and tracebacks."""

import logging

LEVELS = ("debug", "info", "warning", "error")


class OneLine(logging.Formatter):
    """Escapes control characters in messages: names and requests come from anybody."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        if line.isprintable():
            return line
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def configure(level: str) -> None:
    """Writes messages from this level of `LEVELS` on to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
