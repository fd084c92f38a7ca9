"""The ground floor: what a network is. Every app above may use it; it uses nothing of theirs."""
