"""The NumPy definition of every operation, and an executor of plans made of nothing else: the oracle of all kernels."""

from lutwerk.reference.executor import ReferenceSession

__all__ = ["ReferenceSession"]
