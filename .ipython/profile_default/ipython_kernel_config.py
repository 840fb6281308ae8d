"""Kernels that make starts: none of the user's own IPython settings, and no word about the loopback not being encrypted."""

c = get_config()  # noqa: F821
c.IPKernelApp.log_level = 40
