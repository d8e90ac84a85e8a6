"""The one way in which this package says no."""


class Unsupported(ValueError):
    """A component that has no exact form in the tables; the message names it and what is accepted."""


def accepted(component: str, found: object, choices: str) -> Unsupported:
    """A refusal in the common form."""
    return Unsupported(f"{component} is {found!r}, which has no table; accepted: {choices}")
