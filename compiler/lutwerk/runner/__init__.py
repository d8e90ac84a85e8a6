"""The C program ``run`` of a bundle: taken from the package, or built for the device's architecture."""

from lutwerk.runner.obtain import Runner, obtain_runner

__all__ = ["Runner", "obtain_runner"]
