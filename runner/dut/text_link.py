"""The stock text protocol: upload by `db`, `infer`, and what proves that both came across whole.

The stock protocol has no check sum: a hex digit that becomes another one passes. So the upload is
read back, the results are asked for twice, and the window must fit between two more time stamps.
Ref: mlcommons/tiny, benchmark/api.
"""

import statistics

from tinybench.errors import ProtocolError

from .inference import MICROS_WRAP, Inference, elapsed_us
from .line import Line, Patience, quoted
from .reply import read_lap, read_results, read_window, shown_lines

CHUNK_B = 31
"""Data bytes of one `db` that every stock port takes: it is promised 64 bytes a command."""
LONG_CHUNK_B = 38
"""As many as fit into the stock command buffer; not every port can receive them in time."""
REPLY_B = 400
"""Bytes of the longest short reply, `infer`'s."""
READ_BACK_B_PER_S = 100_000
"""What is waited for at least, of a line without a rate: a process beside others."""
TIMING_SLACK_US = 100_000
"""Between a window and the time stamps around it, besides the warm-up and the line."""
RESULT_US = 100
"""... and a result that is written in digits, on a slow core without floating point."""
TIME_TOLERANCE = 0.02
"""An inference whose time is further from the usual one is timed again."""
TIME_TOLERANCE_US = 1000
JITTER = 0.25
"""An inference may take so much longer, or less, than the usual one, where they all differ: a
computer with other work beside it. Whoever judges the result sees how much they do."""
JITTER_SPREADS = 3
"""... and so many times as much as half of those before it."""
TIMED_ANEW = 3
"""Times that an input is uploaded and timed anew, when its time was another one each time."""
SLOW_FIRST = 10
"""Usual times that the first of the untimed inferences may take: it is there for that."""


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
        self.once = False
        """Whether nothing is inferred twice: a state would go on by it."""

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

        `timeout_s` bounds the inferences. Raises ProtocolError or DeadlineError on any doubt,
        InferenceError where the engine failed.
        """
        self._hold(data)
        if not self._verify:
            return self.window(iterations, warmup, timeout_s)[0]
        found = self._verified(iterations, warmup, timeout_s)
        if not self._marks and not self.once and self._unusual(found):
            again = self._verified(iterations, warmup, timeout_s)
            if not _close(found.elapsed_us, again.elapsed_us):
                found = self._timed_anew(data, warmup, timeout_s, found, again)
        self._times_us.append(found.elapsed_us / iterations)
        return found

    def _hold(self, data: bytes) -> None:
        """Upload an input, unless the DUT holds it."""
        if data == self._held:
            return
        self._held = None
        self.load(data)
        if self._verify:
            self._read_back(data)
        self._held = data

    def _timed_anew(
        self, data: bytes, warmup: int, timeout_s: float, first: Inference, repeated: Inference
    ) -> Inference:
        """Return an inference whose time is proved, though it took another one when `repeated`.

        The first of all may be slow, a time stamp may have been damaged, and the times of some
        DUTs always differ. Each is timed after an upload, as the `first` was: a DUT that is faster
        on an input that it knows gains nothing. Raises ProtocolError when times differ too much.
        """
        firsts = [first]
        for _ in range(TIMED_ANEW):
            self._held = None
            self._hold(data)
            found = self._verified(first.iterations, warmup, timeout_s)
            if any(_close(found.elapsed_us, one.elapsed_us) for one in (*firsts, repeated)):
                return found
            firsts.append(found)
        times_us = [one.elapsed_us for one in (*firsts, repeated)]
        middle_us = statistics.median(times_us)
        if any(not _close(us, middle_us, JITTER) for us in times_us):
            raise ProtocolError(
                "the same inference took another time each time: "
                f"{', '.join(map(str, times_us))} us"
            )
        return min(firsts, key=lambda one: abs(one.elapsed_us - middle_us))

    def load(self, data: bytes) -> None:
        """Upload one input. Raises ProtocolError unless the DUT counted and took every byte."""
        size_b = self._chunk_b
        *commands, last = (
            f"db {data[start : start + size_b].hex()}" for start in range(0, len(data), size_b)
        )
        self._expect(f"db load {len(data)}", [f"m-[Expecting {len(data)} bytes]"])
        for command in commands:
            self._expect(command, [])
        self._expect(last, ["m-load-done"])

    def window(
        self, iterations: int, warmup: int, timeout_s: float
    ) -> tuple[Inference, tuple[int, int]]:
        """Run `infer`; return it, and its two time stamps.

        Raises InferenceError where the engine failed, ProtocolError unless each line of the reply
        is the expected one and the results are finite numbers.
        """
        said = self._line.reply(f"infer {iterations} {warmup}", timeout_s + self._reply_s(REPLY_B))
        return read_window(said, iterations, warmup, marks=self._marks)

    def _verified(self, iterations: int, warmup: int, timeout_s: float) -> Inference:
        if self._marks:  # `timestamp` would be an edge, too
            inference, _ = self.window(iterations, warmup, timeout_s)
        else:
            before_us = self._timestamp()
            inference, (start_us, end_us) = self.window(iterations, warmup, timeout_s)
            after_us = self._timestamp()
            self._check_times(before_us, start_us, end_us, after_us, inference, warmup)
        found = self._line.command("results", self._reply_s(REPLY_B))
        if len(found) != 1 or read_results(found[0]) != inference.results:
            raise ProtocolError(
                f"'results%' does not repeat m-results-[{inference.results}]: {shown_lines(found)}"
            )
        return inference

    def _timestamp(self) -> int:
        """Return the DUT's clock."""
        said = self._line.reply("timestamp", self._reply_s(REPLY_B))
        words = [one.word for one in said if one.word is not None]
        if len(words) != 1:
            build = "" if words else ". Is this the energy build, which marks time on its pin?"
            raise ProtocolError(f"unexpected reply to 'timestamp%': {shown_lines(said)}{build}")
        return read_lap(words[0], "timestamp")

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
        results = inference.results
        told_us = (results.count(",") + 1) * RESULT_US + len(results) * self._line.byte_s * 1e6
        slow = SLOW_FIRST if warmup else 0
        warm_us = (slow + warmup + 0.5) * 1.5 * inference.elapsed_us / inference.iterations
        total_us = (lead_us + inference.elapsed_us + trail_us) % MICROS_WRAP
        if (
            total_us != elapsed_us(before_us, after_us) % MICROS_WRAP
            or lead_us > talk_us + warm_us
            or trail_us > talk_us + told_us
        ):
            raise ProtocolError(
                f"the time stamps {start_us} and {end_us} of 'infer {inference.iterations} "
                f"{warmup}%' do not fit between {before_us} before it and {after_us} after it"
            )

    def _unusual(self, inference: Inference) -> bool:
        if not self._times_us:
            return True  # the first has nothing to be compared with
        before_us = self._times_us[-99:]
        usual_us = statistics.median(before_us)
        spread_us = statistics.median(abs(us - usual_us) for us in before_us)
        share = min(JITTER, max(TIME_TOLERANCE, JITTER_SPREADS * spread_us / max(usual_us, 1e-3)))
        return not _close(inference.elapsed_us, usual_us * inference.iterations, share)

    def _read_back(self, data: bytes) -> None:
        """Compare what the DUT holds with what was sent. Ref: `db print`, 8 bytes a line."""
        # 9 characters before the bytes, 3 a byte, CR LF.
        reply_b = REPLY_B + len(data) * 5
        timeout_s = self._reply_s(reply_b) + reply_b / READ_BACK_B_PER_S
        lines = self._line.command("db print", timeout_s)
        words = [line.removeprefix("m-buffer-") for line in lines]
        if "".join(words).replace("-", "").lower() != data.hex():
            raise ProtocolError(
                f"'db print%' shows other bytes than the {len(data)} that were sent: "
                f"{shown_lines(lines)}. Firmware without 'db print' needs --no-verify"
            )

    def _expect(self, text: str, wanted: list[str]) -> None:
        said = self._line.reply(text, self._reply_s(REPLY_B))
        if [one.word for one in said if one.word is not None] != wanted:
            raise ProtocolError(
                f"unexpected reply to {quoted(text)}: wanted {wanted or 'no line'}, "
                f"seen {shown_lines(said)}"
            )

    def _reply_s(self, reply_b: int) -> float:
        return self._patience.reply_s + 2 * reply_b * self._line.byte_s


def _close(found_us: float, usual_us: float, share: float = TIME_TOLERANCE) -> bool:
    return abs(found_us - usual_us) <= max(TIME_TOLERANCE_US, share * usual_us)
