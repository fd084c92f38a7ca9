"""Printers: one file a framework, one rule a primitive. A printer never imports the framework that it prints."""

EXPORTS = ("onnx", "int8", "pt2")  # what a repository may hold beside its PyTorch source, in the order of making
