import math

import pytest
import torch
from einops import rearrange

from motion_core.errors import ShapeError
from motion_core.models import temporal
from motion_core.models.temporal import MotionModule, TemporalAttention, TemporalBlock, position_table


def seeded(make, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make().requires_grad_(False)


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_position_0_is_sine_0_and_cosine_1_in_turn():
    table = position_table(3, 4)
    assert table.shape == (1, 3, 4)
    assert table[0, 0].tolist() == [0, 1, 0, 1]
    expected = [math.sin(2), math.cos(2), math.sin(2 / 100), math.cos(2 / 100)]
    torch.testing.assert_close(table[0, 2], torch.tensor(expected))


def test_attention_is_what_a_loop_over_cells_heads_and_frames_gives():
    attention = seeded(lambda: TemporalAttention(16, heads=2, positions=5))
    cells = noise(3, 4, 16)
    placed = cells + position_table(4, 16)
    joined = torch.zeros(3, 4, 16)
    for cell in range(3):
        queries, keys, values = (placed[cell] @ p.weight.T for p in (attention.to_q, attention.to_k, attention.to_v))
        for head in (slice(0, 8), slice(8, 16)):
            for frame in range(4):
                weights = torch.softmax(keys[:, head] @ queries[frame, head] / math.sqrt(8), dim=0)
                joined[cell, frame, head] = weights @ values[:, head]
    torch.testing.assert_close(attention(cells), attention.to_out[0](joined))


def test_more_cells_than_the_device_takes_at_once_give_the_same(monkeypatch):
    attention = seeded(lambda: TemporalAttention(16, heads=2, positions=5))
    cells = noise(50, 4, 16)
    at_once = attention(cells)
    monkeypatch.setattr(temporal, "MOST_HEADS", 14)  # seven cells of two heads
    torch.testing.assert_close(attention(cells), at_once)


def test_more_frames_than_positions_are_refused_with_the_way_out():
    attention = seeded(lambda: TemporalAttention(16, heads=2, positions=5))
    with pytest.raises(ShapeError, match=r"knows 5 positions in time; this clip needs 6.*re-time"):
        attention(noise(1, 6, 16))


def test_each_frame_is_normalised_alone():
    module = seeded(lambda: MotionModule(32, heads=8, positions=8))
    hidden = noise(3, 32, 4, 4)
    for block in module.temporal_transformer.transformer_blocks:
        for attention in block.attention_blocks:
            attention.to_out[0].weight.zero_()  # no frame sees another; only a shared norm could mix them
    before = module(hidden, 3)
    hidden[2] *= 100
    torch.testing.assert_close(module(hidden, 3)[:2], before[:2])


def test_a_cell_sees_its_own_place_in_all_frames_and_no_other_place():
    module = seeded(lambda: MotionModule(32, heads=8, positions=8))
    module.temporal_transformer.norm = torch.nn.Identity()  # the norm looks at the whole frame, as it should
    hidden = noise(3, 32, 2, 2)
    hidden.requires_grad_(True)
    module(hidden, 3)[0, :, 0, 1].sum().backward()
    reached = hidden.grad.abs().sum(dim=1) > 0
    assert reached[:, 0, 1].all()
    assert reached.sum() == 3


def test_the_clips_of_a_batch_do_not_see_each_other():
    module = seeded(lambda: MotionModule(32, heads=8, positions=8))
    clips = noise(2, 3, 32, 4, 5)
    together = module(rearrange(clips, "b f c h w -> (b f) c h w"), 3)
    apart = torch.cat([module(clip, 3) for clip in clips])
    torch.testing.assert_close(together, apart)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_cells_in_portions_give_the_same(chunk):
    module = seeded(lambda: MotionModule(32, heads=8, positions=8))
    hidden = noise(3, 32, 4, 5)
    torch.testing.assert_close(module(hidden, 3, chunk=chunk), module(hidden, 3))


def test_a_block_adds_two_attentions_and_a_feed_forward():
    block = seeded(lambda: TemporalBlock(16, heads=2, positions=5))
    cells = noise(2, 3, 16)
    for attention in block.attention_blocks:
        attention.to_out[0].weight.zero_()
        attention.to_out[0].bias.zero_()
    wide = torch.nn.functional.layer_norm(cells, (16,)) @ block.ff.net[0].proj.weight.T + block.ff.net[0].proj.bias
    value, gate = wide.chunk(2, dim=-1)
    fed = value * (0.5 * gate * (1 + torch.erf(gate / math.sqrt(2))))
    torch.testing.assert_close(block(cells), cells + fed @ block.ff.net[2].weight.T + block.ff.net[2].bias)
