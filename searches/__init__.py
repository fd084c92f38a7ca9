"""Projects, search specs, runs, candidates, events; forms, views, API, consumers, background tasks."""
