"""Static files: hashed names once collected, and plotly.js straight from plotly's wheel."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names with a hash of the content, in the imports of our JavaScript modules, too."""

    support_js_module_import_aggregation = True
    # The scripts of wheels are left as they are: in some a comment looks like an import.
    _js_module_import_aggregation_patterns = (
        "js/*.js",
        CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
    )


class PlotlyFinder(BaseFinder):
    """Finds `plotly/plotly.min.js`, and nothing else, in the installed plotly package."""

    path = "plotly/plotly.min.js"

    def __init__(self, app_names: Any = None, *args: Any, **kwargs: Any) -> None:
        spec = find_spec("plotly")  # finds, but does not import
        places = spec.submodule_search_locations if spec else None
        self.folder = Path(places[0], "package_data") if places else None

    def check(self, **kwargs: Any) -> list[Any]:
        """Nothing to check: a missing plotly is a missing dependency."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file's full path where `path` is the one we serve."""
        if path != self.path or self.folder is None:
            return []
        found = str(self.folder / "plotly.min.js")
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        """The one file, in a storage whose prefix is `plotly`."""
        if self.folder is None:
            return
        storage = FileSystemStorage(location=self.folder)
        storage.prefix = "plotly"  # type: ignore[attr-defined]  # what collectstatic looks for
        yield "plotly.min.js", storage
