"""The network in Keras 3. Its backend is the one of KERAS_BACKEND; torch, with which it was compared, by default."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
