"""The live view: websockets that follow the events of a run."""
