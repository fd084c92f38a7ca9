"""What the head e071ec0 wrote before its modules were moved, and what it must go on to mean: specs, histories, data."""
