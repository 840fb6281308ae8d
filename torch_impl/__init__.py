"""The reference's models in PyTorch: the same names, configs, parameters and numbers, from one CPU to many GPUs."""
