"""Log lines as JSON objects, each with the run that it is about."""

import json
import logging
import re

RUN = re.compile(r"\brun (\d+)\b")  # as our modules begin their lines: "run 12: claimed under token 3"


class JsonLines(logging.Formatter):
    """One object a line: at, level, logger, message, run, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        found = RUN.search(message)
        line: dict[str, object] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{record.msecs:03.0f}",
            "level": record.levelname,
            "logger": record.name,
            "message": message,
        }
        if found:
            line["run"] = int(found[1])
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
