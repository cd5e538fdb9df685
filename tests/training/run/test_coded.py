"""How the items of a batch are coded: stages that vary, frames that get lost."""

import torch

from codec.allocation import depth
from codec.backends.torch_codebooks import Codebooks
from training.recipe import load_recipe
from training.run.allocation import allocated_stages
from training.run.draws import LONGEST_LOSS, draw_coded
from training.run.lost_frames import stand_in


def test_louder_items_take_more_stages_and_the_mean_is_kept() -> None:
    torch.manual_seed(0)
    codebooks = Codebooks(8, 32, 16)
    latent = torch.randn(4, 16, 30) * torch.tensor([0.1, 0.5, 2.0, 4.0])[:, None, None]
    asked = torch.full((4,), 4)
    stages = allocated_stages(codebooks, latent, asked, torch.ones(4, dtype=torch.bool))
    assert stages.shape == (4, 30)
    assert 3.5 < stages.double().mean() <= 4.0
    assert stages[0].double().mean() < stages[3].double().mean()
    few = allocated_stages(codebooks, latent, torch.ones(4, dtype=torch.long), torch.ones(4) > 0)
    assert few.max() <= depth(8, 1) < 8
    fixed = allocated_stages(codebooks, latent, asked, torch.zeros(4, dtype=torch.bool))
    assert (fixed == 4).all()


def test_lost_frames_are_held_or_bridged() -> None:
    latent = torch.arange(6.0).repeat(2, 3, 1).requires_grad_()
    lost = torch.tensor([[False, False, True, True, False, False]] * 2)
    heard = stand_in(latent * latent, lost, torch.tensor([False, True]))
    torch.testing.assert_close(heard[0, 0], torch.tensor([0.0, 1.0, 1.0, 1.0, 16.0, 25.0]))
    torch.testing.assert_close(heard[1, 0], torch.tensor([0.0, 1.0, 6.0, 11.0, 16.0, 25.0]))
    heard.sum().backward()
    assert latent.grad is not None
    torch.testing.assert_close(latent.grad[0, 0], torch.tensor([0.0, 2.0, 0.0, 0.0, 8.0, 10.0]))


def test_draws_are_those_of_the_step_and_keep_their_shares() -> None:
    recipe = load_recipe("small", ["phases.0.vbr_share=0.5", "phases.0.lost_share=0.25"])
    drawn = [draw_coded(recipe, step) for step in range(200)]
    again = draw_coded(recipe, 7)
    assert all(torch.equal(a, b) for a, b in zip(drawn[7], again, strict=True))
    varied = torch.stack([coded.varies for coded in drawn]).double().mean()
    lossy = torch.stack([coded.lost.any(1) for coded in drawn]).double().mean()
    bridged = torch.stack([coded.bridged for coded in drawn]).double().mean()
    assert 0.4 < varied < 0.6
    assert 0.15 < lossy < 0.35
    assert 0.4 < bridged < 0.6
    assert max(int(coded.lost.sum(1).max()) for coded in drawn) == LONGEST_LOSS
    assert not any(coded.lost[:, 0].any() for coded in drawn)


def test_items_lose_the_same_in_one_process_or_two() -> None:
    recipe = load_recipe("small", ["phases.0.lost_share=1.0"])
    coded = draw_coded(recipe, 7)
    assert coded.bridged.any()
    assert not coded.bridged.all()
    latent = torch.randn(*coded.lost.shape).unsqueeze(1)
    whole = stand_in(latent, coded.lost, coded.bridged)
    for rank in range(2):
        share = coded.share(rank, 2)
        part = stand_in(latent[rank::2], share.lost, share.bridged)
        torch.testing.assert_close(part, whole[rank::2], rtol=0.0, atol=0.0)
