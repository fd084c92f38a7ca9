"""The phases of a search, each a generator of events over one state: restore, search, train the front, select."""
