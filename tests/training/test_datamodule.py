"""A training store for a Lightning module of one's own."""

from __future__ import annotations

import lightning
import pytest
import torch
from torch import nn

from xldm.batches.generator import batches
from xldm.batches.torch_loader import tensors
from xldm.errors import TrainingError
from xldm.training import DataModule

QUIET = {
    "accelerator": "cpu", "logger": False, "enable_checkpointing": False,
    "enable_progress_bar": False, "enable_model_summary": False, "use_distributed_sampler": False,
}  # fmt: skip


class Mine(lightning.LightningModule):
    """Learns one number, and notes what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.bias, self.shown, self.validated = nn.Parameter(torch.zeros(())), [], []

    def training_step(self, batch, _):
        self.shown.append((self.current_epoch, batch["time"].tolist(), float(batch["fine"].sum())))
        return ((batch["fine"] - self.bias) ** 2).mean()

    def validation_step(self, batch, _):
        self.validated += batch["time"].tolist()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture(scope="module")
def shown(store) -> Mine:
    module = Mine()
    data = DataModule(store, size=(4, 4), batch_size=16)
    lightning.Trainer(max_epochs=2, num_sanity_val_steps=0, **QUIET).fit(module, datamodule=data)
    return module


def test_each_epoch_has_the_hours_that_train_in_another_order(shown, store):
    split = store["split"]["split"]
    expected = split["time"].values[split == 0].astype("datetime64[s]").astype("int64").tolist()
    epochs = [[t for e, times, _ in shown.shown if e == n for t in times] for n in (0, 1)]
    assert all(sorted(times) == expected for times in epochs)
    assert epochs[0] != epochs[1]


def test_validation_has_the_hours_that_validate(shown, store):
    split = store["split"]["split"]
    expected = split["time"].values[split == 1].astype("datetime64[s]").astype("int64").tolist()
    assert sorted(set(shown.validated)) == expected


def test_training_starts_at_any_batch_and_goes_from_epoch_to_epoch(store):
    module, made = Mine(), batches(store, size=(4, 4), batch_size=16)
    data = DataModule(store, size=(4, 4), batch_size=16, start=len(made) - 1)
    trainer = lightning.Trainer(max_steps=3, limit_val_batches=0, **QUIET)
    trainer.fit(module, datamodule=data)
    expected = [*list(made.epoch(0))[-1:], *list(made.epoch(1))[:2]]
    expected = [batch.time.astype("datetime64[s]").astype("int64").tolist() for batch in expected]
    assert [times for _, times, _ in module.shown] == expected
    assert data.stream.waited > 0


def test_a_step_gets_what_prepare_makes_of_a_batch_and_its_split(store):
    seen = []
    data = DataModule(
        store,
        batch_size=16,
        validate_batches=1,
        prepare=lambda batch, split: seen.append(split) or tensors(batch),
    )
    trainer = lightning.Trainer(
        max_epochs=2, num_sanity_val_steps=0, limit_train_batches=1, **QUIET
    )
    trainer.fit(Mine(), datamodule=data)
    # Validation batches are kept: the second validation prepares none.
    assert seen.count("val") == 1 and seen.count("train") >= 2


def test_loaders_without_a_trainer_are_refused(store):
    with pytest.raises(TrainingError, match=r"give it to Trainer\.fit"):
        DataModule(store).train_dataloader()
