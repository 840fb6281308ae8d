"""Kernels that make starts: none of the user's own settings, and no word about an unencrypted loopback."""

c = get_config()  # noqa: F821
c.IPKernelApp.log_level = 40
