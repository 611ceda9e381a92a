"""The stock text protocol: upload by `db`, `infer`, and what proves that both came across whole.

The stock protocol has no check sum: a hex digit that becomes another one passes. So the upload is
read back, the results are asked for twice, and the window must fit between two more time stamps.
Ref: mlcommons/tiny, benchmark/api.
"""

import re
import statistics

from tinybench.errors import ProtocolError

from .inference import MICROS_WRAP, Inference, elapsed_us, parse_results
from .line import Line, Patience, excerpt, quoted

CHUNK_B = 31
"""Data bytes of one `db` that every stock port takes: it is promised 64 bytes a command."""
LONG_CHUNK_B = 38
"""As many as fit into the stock command buffer; not every port can receive them in time."""
REPLY_B = 400
"""Bytes of the longest short reply, `infer`'s."""
TIMING_SLACK_US = 100_000
"""Between a window and the time stamps around it, besides the warm-up and the line."""
TIME_TOLERANCE = 0.02
"""An inference whose time is further from the usual one is timed again."""
TIME_TOLERANCE_US = 1000

_LAP = re.compile(r"m-lap-us-([0-9]{1,10})")


class TextLink:
    """The stock protocol on a line; raises ProtocolError or DeadlineError on any doubt."""

    def __init__(
        self,
        line: Line,
        patience: Patience,
        verify: bool,
        *,
        marks: bool = False,
        probe: bool = False,
    ) -> None:
        """`marks`: the DUT marks time on its timing pin, as in energy mode, and prints none;
        `probe`: send as much in a `db` as stock firmware can take, while read-backs prove it."""
        self._marks = marks
        self._line = line
        self._patience = patience
        self._verify = verify
        self._held: bytes | None = None
        self._chunk_b = LONG_CHUNK_B if verify and probe else CHUNK_B
        self._times_us: list[float] = []

    @property
    def chunk_b(self) -> int:
        """Data bytes of a `db` command."""
        return self._chunk_b

    def doubted(self) -> None:
        """Forget what the DUT holds, and send no more than every stock port takes."""
        self._held = None
        self._chunk_b = CHUNK_B

    def infer(self, data: bytes, iterations: int, warmup: int, timeout_s: float) -> Inference:
        """Run inferences on an input, which is uploaded unless the DUT holds it.

        `timeout_s` bounds the inferences. Raises ProtocolError or DeadlineError on any doubt.
        """
        if data != self._held:
            self._held = None
            self.load(data)
            if self._verify:
                self._read_back(data)
            self._held = data
        if not self._verify:
            return self.window(iterations, warmup, timeout_s)[0]
        found = self._verified(iterations, warmup, timeout_s)
        if not self._marks and self._unusual(found):
            again = self._verified(iterations, warmup, timeout_s)
            if not _close(found.elapsed_us, again.elapsed_us):
                raise ProtocolError(
                    f"the same inference took {found.elapsed_us} us and then {again.elapsed_us} us"
                )
        self._times_us.append(found.elapsed_us / iterations)
        return found

    def load(self, data: bytes) -> None:
        """Upload one input. Raises ProtocolError unless the DUT counted and took every byte."""
        self._expect(f"db load {len(data)}", [f"m-[Expecting {len(data)} bytes]"])
        for start in range(0, len(data), self._chunk_b):
            chunk = data[start : start + self._chunk_b]
            last = start + self._chunk_b >= len(data)
            self._expect(f"db {chunk.hex()}", ["m-load-done"] if last else [])

    def window(
        self, iterations: int, warmup: int, timeout_s: float
    ) -> tuple[Inference, tuple[int, int]]:
        """Run `infer`; return it, and its two time stamps.

        Raises ProtocolError unless each line of the reply is the expected one and the results are
        finite numbers.
        """
        command = f"infer {iterations} {warmup}"
        lines = self._line.command(command, timeout_s + self._reply_s(REPLY_B))
        stamps = [] if self._marks else [None, None]
        fixed = [
            f"m-warmup-start-{warmup}",
            "m-warmup-done",
            f"m-infer-start-{iterations}",
            *stamps,
            "m-infer-done",
            None,
        ]
        if len(lines) != len(fixed) or any(
            want is not None and want != line for want, line in zip(fixed, lines, strict=True)
        ):
            raise ProtocolError(f"unexpected reply to '{command}%': {excerpt(lines)}")
        start_us = end_us = 0
        if not self._marks:
            start_us, end_us = _lap(lines[3], command), _lap(lines[4], command)
        results = _results(lines[-1], command)
        return Inference(iterations, elapsed_us(start_us, end_us), results), (start_us, end_us)

    def _verified(self, iterations: int, warmup: int, timeout_s: float) -> Inference:
        if self._marks:  # `timestamp` would be an edge, too
            inference, _ = self.window(iterations, warmup, timeout_s)
        else:
            before_us = self._timestamp()
            inference, (start_us, end_us) = self.window(iterations, warmup, timeout_s)
            after_us = self._timestamp()
            self._check_times(before_us, start_us, end_us, after_us, inference, warmup)
        self._expect("results", [f"m-results-[{inference.results}]"])
        return inference

    def _timestamp(self) -> int:
        """Return the DUT's clock."""
        lines = self._line.command("timestamp", self._reply_s(REPLY_B))
        if len(lines) != 1:
            raise ProtocolError(f"unexpected reply to 'timestamp%': {excerpt(lines)}")
        return _lap(lines[0], "timestamp")

    def _check_times(
        self,
        before_us: int,
        start_us: int,
        end_us: int,
        after_us: int,
        inference: Inference,
        warmup: int,
    ) -> None:
        """Raise ProtocolError unless the window fills the time around it, but for the talk."""
        lead_us = elapsed_us(before_us, start_us)
        trail_us = elapsed_us(end_us, after_us)
        talk_us = TIMING_SLACK_US + 2 * REPLY_B * self._line.byte_s * 1e6
        warm_us = (warmup + 0.5) * 1.5 * inference.elapsed_us / inference.iterations
        total_us = (lead_us + inference.elapsed_us + trail_us) % MICROS_WRAP
        if (
            total_us != elapsed_us(before_us, after_us)
            or lead_us > talk_us + warm_us
            or trail_us > talk_us
        ):
            raise ProtocolError(
                f"the time stamps {start_us} and {end_us} of 'infer {inference.iterations} "
                f"{warmup}%' do not fit between {before_us} before it and {after_us} after it"
            )

    def _unusual(self, inference: Inference) -> bool:
        if not self._times_us:
            return True  # the first has nothing to be compared with
        usual_us = statistics.median(self._times_us[-99:]) * inference.iterations
        return not _close(inference.elapsed_us, usual_us)

    def _read_back(self, data: bytes) -> None:
        """Compare what the DUT holds with what was sent. Ref: `db print`, 8 bytes a line."""
        # 9 characters before the bytes, 3 a byte, CR LF.
        timeout_s = self._reply_s(REPLY_B + len(data) * 5)
        lines = [line for line in self._line.command("db print", timeout_s) if line]
        words = [line.removeprefix("m-buffer-") for line in lines]
        if "".join(words).replace("-", "").lower() != data.hex():
            raise ProtocolError(
                f"'db print%' shows other bytes than the {len(data)} that were sent: "
                f"{excerpt(lines)}. Firmware without 'db print' needs --no-verify"
            )

    def _expect(self, text: str, wanted: list[str]) -> None:
        lines = self._line.command(text, self._reply_s(REPLY_B))
        if lines != wanted:
            raise ProtocolError(
                f"unexpected reply to {quoted(text)}: wanted {wanted or 'no line'}, "
                f"seen {excerpt(lines)}"
            )

    def _reply_s(self, reply_b: int) -> float:
        return self._patience.reply_s + 2 * reply_b * self._line.byte_s


def _lap(line: str, command: str) -> int:
    match = _LAP.fullmatch(line)
    if match is None or int(match[1]) >= MICROS_WRAP:
        raise ProtocolError(f"'{command}%': no time stamp in {line!r}")
    return int(match[1])


def _close(found_us: float, usual_us: float) -> bool:
    return abs(found_us - usual_us) <= max(TIME_TOLERANCE_US, TIME_TOLERANCE * usual_us)


def _results(line: str, command: str) -> str:
    """Return what stands between the brackets of `m-results-[...]`, after a look at each number."""
    if not (line.startswith("m-results-[") and line.endswith("]")):
        raise ProtocolError(f"'{command}%': expected m-results-[...], seen {line!r}")
    text = line.removeprefix("m-results-[").removesuffix("]")
    try:
        parse_results(text)
    except ProtocolError as error:
        raise ProtocolError(f"'{command}%': {error}") from None
    return text
