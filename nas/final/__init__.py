"""The last mile: networks trained in full, tested once, and exported with honest figures."""

from nas.final._choose import plan_training
from nas.final._jobs import Runner, TrainingJob, run_here
from nas.final._plan import TrainingPlan, TrainingSettings, read_plan
from nas.final._results import FinalReport
from nas.final._train import resume_training, train_network
from nas.final._trained import TrainedNetwork, find_trained

__all__ = [
    "FinalReport",
    "Runner",
    "TrainedNetwork",
    "TrainingJob",
    "TrainingPlan",
    "TrainingSettings",
    "find_trained",
    "plan_training",
    "read_plan",
    "resume_training",
    "run_here",
    "train_network",
]
