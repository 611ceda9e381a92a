"""Devices whose clock is wrong, or that answer from a cache: real processes, judged by the rules."""

import subprocess
from pathlib import Path

import pytest

from tests.runner.submission.bench import CLOCK, run_words
from tests.link.paced_line import build as build_line
from tests.link.paced_line import paced_line
from tinybench.runner.results.result import read_result
