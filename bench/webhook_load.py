"""
Loads from well-kept tools: wrk for as many requests as go, h2load for a fixed rate.

What comes back is checked by its length: an answer with a patch is longer than one without, and
all answers of one kind are of one length.
"""

import json
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from webhook_client import HOST, check
from webhook_reviews import PATH, Review
from webhook_subjects import Server

CONNECTIONS = 8
RATE = 200
_SCRIPT = """\
local requests, at = {}, 0
function init(args)
  wrk.headers["Content-Type"] = "application/json"
  for _, file in ipairs(args) do
    requests[#requests + 1] = wrk.format("POST", nil, nil, assert(io.open(file, "rb")):read("*a"))
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\\n{"answers":%d,"bytes":%d,"failed":%d,"seconds":%f,"p99":%f}\\n',
    summary.requests, summary.bytes, failed, summary.duration / 1e6, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one run of a load has given: answers per second, milliseconds, microseconds."""

    rate: float
    p99: float
    processor: float


def look_for_tools() -> None:
    """
    See that the tools are there.

    Raises:
        SystemExit: One is missing.
    """
    packages = {"wrk": "wrk", "h2load": "nghttp2-client"}
    if missing := [package for tool, package in packages.items() if not shutil.which(tool)]:
        raise SystemExit(f"the load comes from wrk and h2load: apt-get install {' '.join(missing)}")


def check_answers(server: Server, reviews: Sequence[Review]) -> list[int]:
    """See that each review is answered rightly; the answers' lengths on the wire."""
    lengths = []
    for review in reviews:
        answer = server.ask(review)
        check(review, answer)
        lengths.append(answer.size)
    return lengths


def _check_length(server: Server, answers: int, received: int, *, lengths: Sequence[int]) -> None:
    """See that so many answers took so many bytes, but for those that were under way at the end."""
    expected = answers * statistics.mean(lengths)
    if abs(received - expected) > 2 * len(lengths) * max(lengths):
        raise SystemExit(
            f"{server.name}: {answers} answers of {received} bytes, and not of {expected:.0f}"
        )


def flat_out(server: Server, reviews: Sequence[Review], seconds: int, scratch: Path) -> Load:
    """As many reviews as go on a few connections."""
    lengths = check_answers(server, reviews)
    script = scratch / "reviews.lua"
    script.write_text(_SCRIPT)
    url = f"https://{HOST}:{server.port}{PATH}"
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url, "--"]
    before = server.processor()
    said = _run(["wrk", *options, *_files(reviews, scratch)])
    used = server.processor() - before
    found = json.loads(said.rsplit("\n", 2)[-2])
    if found["failed"]:
        raise SystemExit(f"{server.name}: {found['failed']} reviews failed:\n{said}")
    _check_length(server, found["answers"], found["bytes"], lengths=lengths)
    return Load(
        rate=found["answers"] / found["seconds"],
        p99=found["p99"],
        processor=used / found["answers"] * 1e6,
    )


def at_rate(server: Server, reviews: Sequence[Review], seconds: int, scratch: Path) -> Load:
    """200 reviews a second; h2load has one body, so two of them run, with and without a role."""
    lengths = check_answers(server, reviews[:2])
    bodies = zip(reviews[:2], _files(reviews[:2], scratch), strict=True)
    before = server.processor()
    runs = [
        _at_half_rate(server, body, seconds, log=scratch / review.uid) for review, body in bodies
    ]
    said = [_ended(run, within=3 * seconds + 15) for run in runs]
    used = server.processor() - before
    times, begun = [], []
    for length, review, text in zip(lengths, reviews, said, strict=False):
        rows = [line.split() for line in (scratch / review.uid).read_text().splitlines()]
        if len(rows) != RATE // 2 * seconds or any(row[1] != "200" for row in rows):
            raise SystemExit(f"{server.name}: not every review was answered:\n{text}")
        [line] = (line for line in text.splitlines() if line.startswith("traffic:"))
        found = int(line.partition("(")[2].partition(")")[0])
        _check_length(server, len(rows), found, lengths=[length])
        times += [int(row[2]) / 1000 for row in rows]
        begun += [int(row[0]) for row in rows]
    rate = (len(begun) - 1) / (max(begun) - min(begun)) * 1e6
    p99 = statistics.quantiles(times, n=100)[98]
    return Load(rate=rate, p99=p99, processor=used / len(times) * 1e6)


def _at_half_rate(server: Server, body: str, seconds: int, *, log: Path) -> "subprocess.Popen[str]":
    log.unlink(missing_ok=True)
    rate = ["-c2", f"--rps={RATE // 4}", f"-n{RATE // 2 * seconds}", f"--log-file={log}"]
    what = [f"-d{body}", "-Hcontent-type: application/json"]
    url = f"https://{HOST}:{server.port}{PATH}"
    command = ["h2load", "--h1", *rate, *what, url]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _ended(run: "subprocess.Popen[str]", *, within: float) -> str:
    """What it has said, once it has ended."""
    try:
        return run.communicate(timeout=within)[0]
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"h2load has not ended within {within:.0f} s") from error
    finally:
        run.kill()
        run.wait()


def _files(reviews: Sequence[Review], scratch: Path) -> list[str]:
    """The bodies as files, for the tools."""
    files = [scratch / f"{review.uid}.json" for review in reviews]
    for file, review in zip(files, reviews, strict=True):
        file.write_bytes(review.body)
    return [str(file) for file in files]


def _run(command: list[str]) -> str:
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if ended.returncode:
        raise SystemExit(f"{command[0]} ended with {ended.returncode}:\n{ended.stderr}")
    return ended.stdout
