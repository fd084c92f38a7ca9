"""The processes of a portal: web server, task cluster, watchdog, and the supervisor of them all."""
