"""What a DUT says of itself when it is found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """What the DUT says it is."""

    vendor: str
    model_id: str
    caps: tuple[str, ...]
    """What the firmware can do beyond the stock protocol; empty for stock firmware."""
    profile: str = ""
    """Version of the protocol, as `profile` has it; empty where it has none."""
