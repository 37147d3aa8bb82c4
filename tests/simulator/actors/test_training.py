"""The problem that envoys learn from."""

from random import Random

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.actors.tensors import Model
from simulator.actors.training import TENSORS, Learner, TrainingSpec, first_model


def averaged(models: list[Model]) -> Model:
    return {
        name: np.mean([model[name] for model in models], axis=0).astype(np.float32)
        for name in TENSORS
    }


def test_the_loss_falls_and_the_score_rises_from_round_to_round() -> None:
    learners = [Learner(Random(index), 60) for index in range(3)]
    model = first_model(Random(7))
    losses, scores = [], []

    for _ in range(4):
        scores.append(np.mean([learner.score(model) for learner in learners]))
        results = [learner.train(model) for learner in learners]
        losses.append(np.mean([loss for _, loss in results]))
        model = averaged([trained for trained, _ in results])

    assert losses == sorted(losses, reverse=True)
    assert scores == sorted(scores)
    assert scores[-1] > 0.8


def test_what_is_learnt_is_the_same_again() -> None:
    model = first_model(Random(7))

    one, two = (Learner(Random(3), 80).train(model) for _ in range(2))

    assert one[1] == two[1]
    assert all(np.array_equal(one[0][name], two[0][name]) for name in TENSORS)


def test_the_arithmetic_is_pinned() -> None:
    learner = Learner(Random(3), 80)
    trained, loss = learner.train(first_model(Random(7)))

    assert loss == 8.975333
    assert learner.score(trained) == 0.846755
    assert trained["bias"].tolist() == [np.float32(0.535648)]


def test_two_envoys_have_data_of_their_own() -> None:
    model = first_model(Random(7))

    assert Learner(Random(3), 80).train(model)[1] != Learner(Random(4), 80).train(model)[1]


def test_every_sample_either_teaches_or_judges() -> None:
    learner = Learner(Random(3), 80)

    assert (learner.train_size, learner.validation_size) == (64, 16)


def test_the_model_is_float32_of_the_shapes_that_are_announced() -> None:
    trained, _ = Learner(Random(3), 80).train(first_model(Random(7)))

    assert {name: values.shape for name, values in trained.items()} == TENSORS
    assert all(values.dtype == np.float32 for values in trained.values())


def test_a_training_is_written_with_units() -> None:
    spec = TrainingSpec.model_validate({"takes": "40s", "rounds": 2, "fails": "2%"})

    assert (spec.takes, spec.rounds, spec.fails) == (40.0, 2, 0.02)
    with pytest.raises(ValidationError):
        TrainingSpec.model_validate({"rounds": 0})
