"""The worker's side of one trial: train, report every epoch, leave the predictions of the best epoch in the folder.

Runs in a process of its own, forked from a server that has imported this module, and with it TensorFlow, but touched
no device: so a trial starts at once, and the device's memory is given back however it ends. It never opens the database.
"""

import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
import tensorflow as tf

from data.store import open_store
from models.fit import CountMismatch, train
from search.job import Crashed, EpochDone, Failed, Finished, Job, Message


def main(job: Job, connection: Connection) -> None:
    """Entry point of the worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the leader decides what it means
    threading.Thread(target=leave_with_leader, args=(connection,), daemon=True).start()
    log = os.open(job.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    use_devices(job)
    connection.send(outcome(job, connection.send))


def leave_with_leader(connection: Connection) -> None:
    """End at once when the leader is gone, however it went: nobody would read the result."""
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


def use_devices(job: Job) -> None:
    if job.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = job.gpu
    if job.threads:
        tf.config.threading.set_intra_op_parallelism_threads(job.threads)
        tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def outcome(job: Job, send: Callable[[Message], None]) -> Finished | Failed | Crashed:
    """Train to the end and say how it ended; only bugs of ours become Crashed."""
    try:
        run(job, send)
    except tf.errors.ResourceExhaustedError as error:
        return Failed(job.number, "out_of_memory", str(error)[:500])
    except FloatingPointError as error:
        return Failed(job.number, "not_finite", str(error))
    except CountMismatch as error:
        return Failed(job.number, "count_mismatch", str(error))
    except Exception:
        return Crashed(job.number, traceback.format_exc())
    return Finished(job.number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def run(job: Job, send: Callable[[Message], None]) -> None:
    store = open_store(job.store)
    validation = store.split("validation")
    epochs = train(
        job.architecture,
        job.training,
        store.split("train"),
        validation,
        store.image_px,
        job.seed,
        job.deterministic,
    )
    best = float("inf")
    for epoch in epochs:
        if epoch.validation_mae < best:
            best = epoch.validation_mae
            save_predictions(job, epoch.predictions)
        send(
            EpochDone(
                job.number,
                epoch.epoch,
                epoch.train_mae,
                epoch.validation_mae,
                epoch.seconds,
                epoch.images_per_second,
            )
        )


def save_predictions(job: Job, predictions: np.ndarray) -> None:
    """Months, float32, in the order of the store's validation cases; renamed when whole."""
    part = job.folder / "predictions.part.npy"
    np.save(part, predictions.astype(np.float32), allow_pickle=False)
    os.replace(part, job.folder / "predictions.npy")
