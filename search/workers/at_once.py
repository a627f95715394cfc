"""How many trainings run on this machine at once, and how many of its CPU threads each has."""

from data.cores import cores
from models.training.cards import visible_gpus

CPU_WORKERS = 4  # small networks train faster side by side on one core each than one after the other on all


def workers_here(asked: int = 0) -> int:
    """Trainings at once where `asked` says 0: one per GPU; without GPUs one per core, at most CPU_WORKERS."""
    return asked or len(visible_gpus()) or min(cores(), CPU_WORKERS)


def threads_of(workers: int) -> int:
    """CPU threads that each of so many has."""
    return max(cores() // workers, 1)
