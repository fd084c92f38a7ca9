"""Printers: one file a framework, one rule a primitive. A printer never imports the framework that it prints."""
