"""Everything that can go wrong, as one tree.

    RelexError
    ├── InputError          a text, an upload or an argument cannot be used as it is
    │   └── FormatError     a file does not hold what its format promises (carries line numbers)
    │       └── UnreadRest  and what follows in it could not be read
    ├── SchemaError         a label set contradicts itself, or a value does not fit its label set
    ├── EditError           a correction cannot be applied to the annotation it was made for
    ├── ConfigError         a configuration file or option has a value that cannot work
    ├── CheckpointError     weights, tokenizer or configuration of a checkpoint cannot be loaded
    ├── ReadingError        the model failed at one text: others are read
    ├── ModelBusy           the queue of the model is full: try again later
    ├── ModelClosed         the model was taken out of memory: open it again
    └── StoreError          the database refused, and says why
        ├── NotFound        no such project, document, revision or snapshot
        └── Conflict        somebody else saved in between; nothing was overwritten

A message says what was expected, what was found and what to change. These are for people who use the
product; a violated assumption of ours is an `assert` or an ordinary Python error and is not caught.
"""

from __future__ import annotations


class RelexError(Exception):
    """Base of all errors that a user can cause and can mend.

    `expected` and `found` make the first sentence, `change` the second. `value` is the offending value,
    for programs; it is never printed whole.
    """

    def __init__(self, *, expected: str, found: str, change: str, value: object = None) -> None:
        self.expected = expected
        self.found = found
        self.change = change
        self.value = value
        super().__init__(f"Expected {expected}, found {found}. {change}")


class InputError(RelexError, ValueError):
    """A text, an upload or an argument cannot be used as it is."""


class FormatError(InputError):
    """A file does not hold what its format promises. `lines` are 1-based numbers of the bad lines."""

    def __init__(
        self, *, expected: str, found: str, change: str, value: object = None, lines: tuple[int, ...] = ()
    ) -> None:
        super().__init__(expected=expected, found=found, change=change, value=value)
        self.lines = lines


class UnreadRest(FormatError):
    """`fault` ended the reading of a file: how much follows it there, and what, is unknown."""

    def __init__(self, fault: FormatError) -> None:
        found = f"{fault.found}; what follows was not read"
        super().__init__(
            expected=fault.expected, found=found, change=fault.change, value=fault.value, lines=fault.lines
        )


class SchemaError(RelexError, ValueError):
    """A label set contradicts itself, or a value does not fit its label set."""


class EditError(RelexError, ValueError):
    """A correction cannot be applied to the annotation it was made for."""


class ConfigError(RelexError, ValueError):
    """A configuration file or option has a value that cannot work."""


class CheckpointError(RelexError):
    """Weights, tokenizer or configuration of a checkpoint cannot be loaded."""


GIVE_UP = 100
"""Texts in a row at which the model may fail in bulk: with more, it is the model that is at fault."""


class ReadingError(RelexError):
    """The model failed at one text; others are read."""

    @classmethod
    def at(cls, id: str, error: Exception, change: str) -> ReadingError:
        """What `error` says of the document with this id."""
        reason = str(error) if isinstance(error, RelexError) else f"{type(error).__name__}: {error}"
        return cls(
            expected="a text that the model can read",
            found=f"that it fails at document {quote(id)} ({reason[:300].rstrip('. ')})",
            change=change,
        )


class ModelBusy(RelexError):
    """The queue in front of the model is full."""


class ModelClosed(RelexError):
    """The model was taken out of memory, before or while it was asked."""


class StoreError(RelexError):
    """The database refused, and says why."""


class NotFound(StoreError, LookupError):
    """No such project, document, revision or snapshot."""


class Conflict(StoreError):
    """Somebody else saved in between; nothing was overwritten."""


def quote(value: object, limit: int = 60) -> str:
    """`value` as it can stand in a message: repr, shortened to `limit` characters.

    >>> quote("a" * 100, limit=12)
    "'aaaaaaaa...'"
    """
    if isinstance(value, str) and len(value) > limit:  # a line may be as long as a file
        value = value[: limit + 1]
    shown = repr(value)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..." + shown[-1]
