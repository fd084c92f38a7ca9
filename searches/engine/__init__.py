"""The search as a generator of events: one sequence of jobs, one lag, executors, and the child process."""
