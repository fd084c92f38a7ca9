"""What every test shares."""

import os

# One process a core, one thread each: two threads in one process are fifty times slower on a busy machine.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
