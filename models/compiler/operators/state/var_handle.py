"""VAR_HANDLE: which variable is read or assigned."""

from . import RESOLVED

KIND = RESOLVED
