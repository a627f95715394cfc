"""Damages whole files in thousands of ways and reads each: `make fuzz`.

Whatever a file holds, a reader answers, or refuses with one sentence: an error of ours, without a traceback, in bounded
memory and time. Anything else is printed with the seed that makes it again, and the exit code is 1.

    python tests/fuzz.py [INPUTS] [SEED] [READER ...]
"""

import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fuzz_readers import READERS, laid_out

from data.preparation import DataError
from models.architecture import ArchitectureError
from models.training.settings import TrainingError
from search.storage.sqlite import StorageError
from studies.preset import StudyError

INPUTS = 24_000
SLOW = {"model.keras": 400, "studies.db": 1500, "run.json": 1500, "model.json": 1500}  # most inputs: each takes longer
NETWORKS = ("model.json", "model.keras")
MEMORY_BYTES = 3_000_000_000  # of address space; TensorFlow takes more at its start
NETWORK_MEMORY_BYTES = 16_000_000_000
LONGEST_SENTENCE = 1_000


@dataclass
class Result:
    """Of one reader's inputs."""

    reader: str
    tried: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    longest_seconds: float = 0.0
    peak_memory_mb: int = 0


class TookTooLong(BaseException):
    """Not an Exception: a guard against what libraries raise must not take it for the file's fault."""


def too_long(number: int, frame: object) -> None:
    raise TookTooLong


def damaged(data: bytes, draw: random.Random) -> bytes:
    """One to four changes of the kinds that disks, networks, editors and attackers make."""
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        if not out:
            break
        place = draw.choice((draw.randrange(len(out)), draw.randrange(min(len(out), 512))))
        length = min(draw.choice((1, 2, 4, 8, 64, 1024)), len(out) - place)
        match draw.randrange(11):
            case 0:
                out[place] ^= 1 << draw.randrange(8)
            case 1:
                out[place : place + length] = draw.randbytes(length)
            case 2:
                del out[place:]
            case 3:
                del out[place : place + length]
            case 4:
                out[place:place] = out[place : place + length] * draw.choice((1, 2, 50))
            case 5:  # a length, or a count
                width = draw.choice((1, 2, 4, 8))
                value = draw.choice((0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)) % 256**width
                out[place : place + width] = value.to_bytes(width, draw.choice(("little", "big")))
            case 6:
                out[place : place + length] = bytes(length)
            case 7:  # text where a value was
                words = (
                    b"NaN",
                    b"-1",
                    b"1e999",
                    b"null",
                    b"[]",
                    b'"',
                    b"\xff\xfe",
                    b"\0",
                    b"=1+1",
                    b"\n",
                    b",,,,",
                    b"{}",
                )
                out[place : place + draw.choice((0, 1, 4))] = draw.choice(words)
            case 8:
                other = draw.randrange(len(out))
                out[place : place + length] = out[other : other + length]
            case 9:  # a digit of a number, or a letter of a word
                marks = [at for at in range(place, min(place + 64, len(out))) if chr(out[at]).isalnum()]
                if marks:
                    out[draw.choice(marks)] = draw.choice(b"0123456789eE-ax")
            case 10:
                out += draw.randbytes(length)
    return bytes(out)


def inputs_of(reader: str, inputs: int) -> int:
    return min(inputs // 5, SLOW.get(reader, inputs))


def fuzz(name: str, inputs: int, seed: int, seconds: float = 0.0) -> Result:
    """In this process. `seconds` is the time after which it is enough; 0 is no limit."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, too_long)
    result, began = Result(name), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        reader = READERS[name](Path(scratch))
        for file, whole in reader.files.items():  # else all that comes would be refused for what no damage has done
            reader.read(laid_out(reader, file, whole, Path(scratch) / "tried"))
        for number in range(inputs):
            if seconds and time.monotonic() - began > seconds:
                break
            draw = random.Random(f"{name} {seed} {number}")
            file = draw.choice(sorted(reader.files))
            folder = laid_out(reader, file, damaged(reader.files[file], draw), Path(scratch) / "tried")
            start = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, reader.seconds)
            where = f"{name}, {file}, seed {seed}, input {number}"
            try:
                reader.read(folder)
            except (ArchitectureError, DataError, StorageError, StudyError, TrainingError) as error:
                said = str(error)
                result.refused += 1
                if not said or not said.isprintable() or len(said) > LONGEST_SENTENCE:
                    result.failures.append(f"{where}: no sentence: {said[:300]!r}")
            except TookTooLong:
                result.failures.append(f"{where}: longer than {reader.seconds:g} s")
            except BaseException:
                signal.setitimer(signal.ITIMER_REAL, 0)
                result.failures.append(f"{where}:\n{traceback.format_exc(limit=-4)}")
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            result.tried += 1
            result.longest_seconds = max(result.longest_seconds, time.monotonic() - start)
    result.peak_memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return result


def in_a_process_of_its_own(name: str, inputs: int, seed: int) -> Result:
    """A reader that crashes, or takes all memory, ends its own process alone."""
    command = [sys.executable, __file__, "--one", name, str(inputs), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode:
        return Result(
            name, failures=[f"{name}, seed {seed}: the process ended with {done.returncode}\n{done.stderr[-2000:]}"]
        )
    return Result(**json.loads(done.stdout.splitlines()[-1]))


def one(name: str, inputs: int, seed: int) -> None:
    most = NETWORK_MEMORY_BYTES if name in NETWORKS else MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    print(json.dumps(asdict(fuzz(name, inputs, seed))))


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--one"]:
        one(arguments[1], int(arguments[2]), int(arguments[3]))
        return 0
    inputs = int(arguments[0]) if arguments else INPUTS
    seed = int(arguments[1]) if len(arguments) > 1 else 0
    names = arguments[2:] or list(READERS)
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda name: in_a_process_of_its_own(name, inputs_of(name, inputs), seed), names))
    for result in results:
        print(
            f"{result.reader:12} {result.tried:6,} tried, {result.refused:6,} refused with a sentence, "
            f"{len(result.failures)} otherwise, longest {result.longest_seconds:.1f} s, {result.peak_memory_mb:,} MB"
        )
        for failure in result.failures[:5]:
            print(failure)
    tried, failed = sum(result.tried for result in results), sum(len(result.failures) for result in results)
    print(
        f"{tried:,} inputs in {time.monotonic() - began:.0f} s, {failed} of them neither read nor refused with a sentence"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
