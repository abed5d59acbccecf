"""The last mile: networks trained in full, tested once, and exported with honest figures."""

from nas.final._api import default_folder, train
from nas.final._choose import plan_training, seen_warning
from nas.final._front import Agreement, FinalFront, FinalMember
from nas.final._jobs import Runner, TrainingJob, run_here
from nas.final._plan import TrainingPlan, TrainingSettings, read_plan
from nas.final._results import FinalReport
from nas.final._train import read_checked, resume_training, train_network
from nas.final._train_run import FinalistsSettings, read_final_front, train_finalists
from nas.final._trained import TrainedNetwork, find_trained, is_run, proxy_remarks, split_member
from nas.final._with_ray import ray_runner

__all__ = [
    "Agreement",
    "FinalFront",
    "FinalMember",
    "FinalReport",
    "FinalistsSettings",
    "Runner",
    "TrainedNetwork",
    "TrainingJob",
    "TrainingPlan",
    "TrainingSettings",
    "default_folder",
    "find_trained",
    "is_run",
    "plan_training",
    "proxy_remarks",
    "ray_runner",
    "read_checked",
    "read_final_front",
    "read_plan",
    "resume_training",
    "run_here",
    "seen_warning",
    "split_member",
    "train",
    "train_finalists",
    "train_network",
]
