"""
How late the local AWS sees what it has just learnt, as AWS itself does: the settings.

They lie in a file, so that they can be changed while it runs.
Never here: what is seen late, and how.
"""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from irsa import files
from irsa.errors import InputError

logger = logging.getLogger(__name__)

FILE = "delays.json"
_SETTING = re.compile(r"(?P<name>[a-z]+)=(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """
    Seconds; 0 is at once.

    Args:
        iam: Until a change of IAM is seen: by reads, by STS, and by whoever asks what is allowed.
        jwks: How long STS keeps an issuer's documents before it reads them anew.
    """

    iam: float = 0.0
    jwks: float = 0.0

    @property
    def settings(self) -> tuple[str, ...]:
        """As they are written on a command line."""
        return tuple(f"{name}={seconds:g}s" for name, seconds in asdict(self).items())


NAMES = tuple(field.name for field in fields(Delays))
NONE = Delays()


def parse(settings: Iterable[str], present: Delays = NONE) -> Delays:
    """
    Settings such as `iam=5s` and `jwks=10m`, put over those that are there.

    Raises:
        InputError: One of them is no setting.
    """
    for text in settings:
        found = _SETTING.fullmatch(text)
        seconds = float(found["number"]) * _SECONDS[found["unit"] or "s"] if found else 0.0
        if found is None or found["name"] not in NAMES or seconds > LONGEST:
            raise InputError(
                f"{text!r} is not a delay",
                hint=f"NAME=TIME, such as iam=5s; names are {', '.join(NAMES)}; a day at most",
            )
        present = replace(present, **{found["name"]: seconds})
    return present


class DelaysFile:
    """
    Settings as they lie in the directory of a local AWS.

    Args:
        directory: Its directory; without the file, nothing is late.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._stamp: tuple[int, int] | None = None
        self._known = NONE

    def __call__(self) -> Delays:
        """The settings now; the file is read only when it is another one."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._known = None, NONE
            return NONE
        if (stamp := (stat.st_ino, stat.st_mtime_ns)) != self._stamp:
            self._stamp, self._known = stamp, self._read()
        return self._known

    def write(self, delays: Delays) -> None:
        """Set them; whoever reads the file sees the old ones or the new ones."""
        files.write_atomic(self._path, json.dumps(asdict(delays)).encode())

    def _read(self) -> Delays:
        try:
            return Delays(**json.loads(files.read_bytes(self._path)))
        except (ValueError, TypeError) as error:
            logger.warning("%s holds no delays, they stay as they are: %s", self._path, error)
            return self._known
