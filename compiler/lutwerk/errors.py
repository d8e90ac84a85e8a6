"""Exceptions. Every message is one complete sentence that a person can act on."""


class LutwerkError(Exception):
    """Base of all errors that lutwerk raises on purpose."""


class CheckpointError(LutwerkError):
    """The checkpoint cannot be read, or is not one that lutwerk supports."""


class TargetError(LutwerkError):
    """The target is unknown, or its file is not valid."""


class CompileError(LutwerkError):
    """The request cannot be compiled, or its output cannot be written."""


class DeployError(LutwerkError):
    """A bundle cannot be copied to a device, or does not run there."""


class BundleError(LutwerkError):
    """A bundle is damaged, or does not fit this machine. ``status`` names the C status code, if there is one."""

    def __init__(self, message: str, status: str | None = None):
        super().__init__(message)
        self.status = status
