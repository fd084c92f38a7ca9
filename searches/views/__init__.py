"""Pages, one module per kind of thing. Verbs are in `services`, reads in `selectors`."""
