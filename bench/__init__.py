"""Benchmarks: the reference against PyTorch, each on one thread. python -m bench.cpu"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # read when the libraries load: before any module of this package is
