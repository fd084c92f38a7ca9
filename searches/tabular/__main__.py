"""The child process of a replay's background job."""

import sys
from pathlib import Path

from searches.tabular.job import work

if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
