"""`python -m lab COMMAND`: the workshop beside the product; `python -m lab COMMAND --help` says more of each."""

from __future__ import annotations

import sys
from importlib import import_module

from core.contract.errors import Cancelled, UserError

COMMANDS = {
    "evaluate": ("lab.evaluation.evaluate", "measure methods on a benchmark: a table, a file of numbers, a page"),
    "compare": ("lab.evaluation.compare_reports", "say how well one benchmark's report predicts another's"),
    "page": ("lab.evaluation.report_page", "draw a benchmark's page again from its report"),
    "text-effect": ("lab.evaluation.text_effect", "draw what different sentences make of one clip"),
    "choreograph": ("lab.choreography.choreograph", "make interactions with ground truth from motion capture"),
    "sample": ("lab.choreography.choreograph_sample", "make the sample clip and its ground truth"),
    "examples": ("lab.training.make_examples", "simulate the 2D stage on interactions: training examples"),
    "train": ("lab.training.train", "train the learned models, in slices"),
    "render": ("lab.rendering.render_pairs", "render clips of two people whose ground truth is known"),
    "fit-noise": ("lab.noise_fitting.fit_noise", "fit the model of the 2D stage's errors to rendered clips"),
    "train-landmarks": ("lab.landmark_training.train_landmarks", "learn where the 33 landmarks lie on the body"),
    "build-body": ("lab.body_builder.build_body", "build the free default body"),
    "build-people": ("lab.body_builder.heldout_bodies", "build people outside the body's shape space"),
    "speed": ("lab.speed_benchmark.benchmark", "time the stages and measure their memory"),
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        print("usage: python -m lab COMMAND [options]\n")
        print("\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()))
        return 0
    if arguments[0] not in COMMANDS:
        print(f"error: there is no command {arguments[0]!r}; see python -m lab --help", file=sys.stderr)
        return 2
    sys.argv = [f"python -m lab {arguments[0]}", *arguments[1:]]
    try:
        return import_module(COMMANDS[arguments[0]][0]).main() or 0
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, Cancelled):
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
