"""Every error tinybench raises on purpose, in one tree.

    TinybenchError
    ├── UsageError            exit 2: what was asked for cannot be done as asked
    │   ├── DeclarationError      a TOML declaration of a board, task, dataset or model is wrong
    │   ├── DatasetError          an input, a label file or a dataset folder is wrong
    │   ├── ModelError            a model that cannot be compiled: type, operator, shape, damage
    │   ├── ToolMissingError      a program that the run needs is not installed
    │   ├── RunFolderError        a run folder that cannot be written or read
    │   │   └── OtherFolderError      ... for it is of something else, or what it keeps is damaged
    │   ├── AbsentError           no board, or not just one, is attached here by its name
    │   └── TraceError            an energy trace that cannot be written, read or used
    └── BenchError            exit 3: the bench failed while doing it
        ├── BuildError            the firmware did not build
        ├── FlashError            a board could not be written, reset, or switched off and on
        ├── FetchError            a download failed or had the wrong checksum
        ├── TransportError        the line to the board closed, or could not be opened
        ├── DeadlineError         the board did not answer in time
        ├── ProtocolError         the board answered something the protocol does not allow
        │   └── CrashError            the firmware said that it has died
        ├── InferenceError        the engine on the board said that it failed
        ├── MonitorError          the energy monitor refused, stopped, or sent what cannot be
        ├── TakenError            another run has the board, the monitor or the interface board
        ├── OtherDutError         after a fault another board, firmware or model answers
        └── BoardOutError         of several boards one failed, and the others go on

A message says what was tried, what was seen and what to try next. A broken rule is no error: it is
a `Violation` in the result (exit 1).
"""


class TinybenchError(Exception):
    """Root of the tree; `exit_status` is what the command line exits with."""

    exit_status = 3


class UsageError(TinybenchError):
    """What was asked for cannot be done as asked."""

    exit_status = 2


class DeclarationError(UsageError):
    """A TOML declaration is wrong; the message names the file, the key, the nearest valid name."""


class DatasetError(UsageError):
    """An input, a label line or a dataset folder is wrong; the message names the file."""


class ModelError(UsageError):
    """A model that cannot be compiled; the message names the tensor or operator with its index."""


class ToolMissingError(UsageError):
    """A program the run needs is not installed; the message says what to type."""


class RunFolderError(UsageError):
    """A run folder cannot be created, written or read."""


class OtherFolderError(RunFolderError):
    """What a folder keeps is of something else that was asked for, or no whole record of it."""


class AbsentError(UsageError):
    """A board is not attached here, or not told from others; a lab waits, or runs elsewhere."""


class TraceError(UsageError):
    """An energy trace cannot be written, read or used; the message names the file."""


class BenchError(TinybenchError):
    """The bench failed while doing what was asked."""


class BuildError(BenchError):
    """The firmware did not build; the message ends with the compiler's own words."""


class FlashError(BenchError):
    """A board could not be written, reset or switched; ends with the program's own words."""


class FetchError(BenchError):
    """A download failed, was short, or had the wrong checksum."""


class TransportError(BenchError):
    """The line to the board closed, or could not be opened."""


class DeadlineError(BenchError):
    """The board did not answer in time."""


class ProtocolError(BenchError):
    """The board answered something the protocol does not allow."""


class CrashError(ProtocolError):
    """The firmware said that it has died; the message has its last words."""


class InferenceError(BenchError):
    """The engine on the board said that it failed; asked again, it would say so again."""


class MonitorError(BenchError):
    """The energy monitor refused, stopped by itself, or sent what cannot be."""


class TakenError(BenchError):
    """Another run has the board, the monitor or the interface board; the message says which."""


class OtherDutError(BenchError):
    """After a fault another board, firmware or model answers than before."""


class BoardOutError(BenchError):
    """Of several boards one failed at its part of a study; the others go on."""
