"""What people do: each verb is one transaction."""
