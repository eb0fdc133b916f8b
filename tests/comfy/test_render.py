"""Apply Motion Field on a real ComfyUI: its UNet, with our temporal layers, is the core's own renderer."""

import pytest
import torch

from motion_core.sampling import Sampling, scheduler_for
from motion_core.types import MotionField, Size
from motion_core.warp import WarpOperator
from motion_core.warp_attention import WarpAttention
from motion_core.windows import Windows
from tests import miniature
from tests.comfy import miniature_nodes

FRAMES, SIZE = 4, Size(48, 64)
GRID = SIZE.latent
SCALE = 0.18215
WAY = {"fusion": "attention", "positions": "interleaved", "betas": "of the motion module", "window": 0, "overlap": 4}


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def moving(frames=FRAMES, seed=4):
    steps = torch.linspace(0, 1, frames).view(-1, 1, 1, 1)
    return noise(1, 2, *SIZE, seed=seed) * 10 * steps


@pytest.fixture(scope="module")
def module(host):
    """The recorded motion module, through the loader node."""
    folder = host.base / "models" / "animatediff_models"
    folder.mkdir(parents=True, exist_ok=True)
    weights = miniature.state_dict("stage2_unet")
    torch.save({n: w for n, w in weights.items() if ".motion_modules." in n}, folder / "motion_block.bin")
    return host.run("LoadMotionModule", motion_module="motion_block.bin", weights="as in the file")


@pytest.fixture(scope="module")
def model(host):
    return miniature_nodes.model()


def applied(host, model, module, *, displacement=None, **given):
    field = host.module("motion_core.types").MotionField(moving() if displacement is None else displacement)
    reference = {"samples": noise(1, 4, *GRID) / SCALE}
    return host.run("ApplyMotionField", model=model, motion_module=module, motion_field=field, reference=reference,
                    **{**WAY, **given})  # fmt: skip


def options(patched):
    """What a sampler hands to the UNet."""
    return {"wrappers": patched.wrappers, "cond_or_uncond": [0, 1]}


def sampled(patched, latent, *, start=None, sigmas=None, cfg=3.0, steps=3, seed=0, sampler="euler"):
    """Latents [1, 4, F, h, w], scaled as the core has them, by ComfyUI's own sampling."""
    import comfy.sample
    import comfy.samplers

    frames = latent["samples"]
    start = comfy.sample.prepare_noise(frames, seed) if start is None else start
    if sigmas is None:
        sigmas = comfy.samplers.calculate_sigmas(patched.get_model_object("model_sampling"), "normal", steps)
    with torch.inference_mode():
        found = comfy.sample.sample_custom(
            patched, start, cfg, comfy.samplers.sampler_object(sampler), sigmas,
            miniature_nodes.conditioning(1), miniature_nodes.conditioning(2), frames,
            noise_mask=latent.get("noise_mask"), disable_pbar=True, seed=seed,
        )  # fmt: skip
    return found.movedim(0, 1)[None] * SCALE


def texts():
    return [miniature_nodes.conditioning(seed)[0][0] for seed in (1, 2)]


def test_a_pass_of_comfyuis_unet_is_the_cores(host, model, module):
    patched, _ = applied(host, model, module)
    clips, times = noise(2, 4, FRAMES, *GRID, seed=7), torch.full((2 * FRAMES,), 500.0)
    text = noise(2, 9, 32, seed=8)
    unet = patched.model.diffusion_model
    with torch.inference_mode():
        found = unet(clips.movedim(2, 1).flatten(0, 1), times, text.repeat_interleave(FRAMES, 0),
                     transformer_options=options(patched))  # fmt: skip
    clean = clips.clone()
    clean[:, :, 0] = noise(1, 4, *GRID)
    warp = WarpAttention(WarpOperator(MotionField(moving())))
    with torch.no_grad():
        wanted = miniature.renderer().unet(clean, torch.tensor([1.0, 500, 500, 500]), text, warp=warp)
    torch.testing.assert_close(found.unflatten(0, (2, FRAMES)).movedim(1, 2), wanted, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("frames", "windows", "way"),
    [
        (FRAMES, Windows(), {}),
        (FRAMES, Windows(), {"positions": "shared"}),
        (FRAMES, Windows(), {"fusion": "addition"}),
        (9, Windows(4, overlap=1), {"window": 4, "overlap": 1}),
    ],
)
def test_a_clip_that_comfyui_samples_is_the_cores_own(host, model, module, frames, windows, way):
    sampling = Sampling("euler", 2, 3.0)
    start = noise(1, 4, frames, *GRID, seed=5)
    layout = {name: way[name] for name in ("fusion", "positions") if name in way}
    wanted = miniature.renderer().render(
        noise(1, 4, *GRID), MotionField(moving(frames)), *texts(), generator=torch.Generator(), noise=start,
        sampling=sampling, windows=windows, **layout,
    )  # fmt: skip
    scheduler = scheduler_for(sampling)
    scheduler.set_timesteps(2)
    sigmas = scheduler.sigmas
    patched, latent = applied(host, model, module, displacement=moving(frames), **way)
    scaled = start[0].movedim(1, 0) * scheduler.init_noise_sigma / sigmas[0]  # ComfyUI multiplies by the first sigma
    found = sampled(patched, latent, start=scaled, sigmas=sigmas)
    torch.testing.assert_close(found, wanted, atol=5e-4, rtol=1e-3)


def reference():
    return noise(1, 4, *GRID)


@pytest.mark.parametrize("sampler", ["euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde", "uni_pc", "lcm", "ddim", "heun"])
def test_every_sampler_keeps_the_reference(host, model, module, sampler):
    found = sampled(*applied(host, model, module), sampler=sampler)
    assert found.isfinite().all()
    torch.testing.assert_close(found[:, :, 0], reference(), atol=0.06, rtol=0)  # uni_pc ends a little beside


def test_the_model_itself_is_left_as_it_was(host, model, module):
    latent = {"samples": torch.zeros(FRAMES, 4, *GRID)}
    before, names = sampled(model, latent), list(model.model.state_dict())
    patched, start = applied(host, model, module)
    moved = sampled(patched, start)
    assert torch.equal(sampled(model, latent), before)
    assert list(model.model.state_dict()) == names
    assert not any(layer._forward_hooks for layer in model.model.diffusion_model.modules())
    assert torch.equal(sampled(patched, start), moved)


def test_applied_twice_the_last_field_counts(host, model, module):
    once, start = applied(host, model, module, displacement=moving(seed=9))
    first, _ = applied(host, model, module)
    twice, _ = applied(host, first, module, displacement=moving(seed=9))
    assert torch.equal(sampled(twice, start), sampled(once, start))
    assert not torch.allclose(sampled(first, start), sampled(once, start), atol=0.01)


def test_a_clone_renders_the_same(host, model, module):
    patched, start = applied(host, model, module)
    assert torch.equal(sampled(patched.clone(), start), sampled(patched, start))


def test_both_halves_of_the_guidance_may_go_one_by_one(host, model, module, monkeypatch):
    patched, start = applied(host, model, module)
    together = sampled(patched, start)
    monkeypatch.setattr(type(model.model), "memory_required", lambda *_, **__: 2**60)
    torch.testing.assert_close(sampled(patched, start), together, atol=2e-3, rtol=1e-3)


def lora(model, strength=1.0):
    """A LoRA for two layers of the UNet, through ComfyUI's own loader."""
    import comfy.sd

    names = ["down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", "mid_block_attentions_0_proj_in"]
    shapes = [(32, 32), (64, 64)]
    weights = {}
    for name, (out, into) in zip(names, shapes, strict=True):
        extra = (1, 1) if "proj_in" in name else ()
        weights[f"lora_unet_{name}.lora_up.weight"] = noise(out, 4, *extra, seed=11)
        weights[f"lora_unet_{name}.lora_down.weight"] = noise(4, into, *extra, seed=12)
    return comfy.sd.load_lora_for_models(model, None, weights, strength, 0)[0]


def test_a_lora_before_and_after_gives_the_same(host, model, module):
    plain, start = applied(host, model, module)
    before = sampled(applied(host, lora(model), module)[0], start)
    after = sampled(lora(plain), start)
    torch.testing.assert_close(before, after)
    assert not torch.allclose(before, sampled(plain, start), atol=0.01)


def test_what_steers_attention_sees_every_frame_and_both_halves(host, model, module):
    """As IP-Adapters do, a patch looks at the queries of spatial attention."""
    patched, start = applied(host, model, module)
    seen = []

    def look(q, k, v, extra):
        seen.append((len(q), len(extra["cond_or_uncond"])))
        return q, k, v

    patched.set_model_attn2_patch(look)
    sampled(patched, start)
    assert set(seen) == {(2 * FRAMES, 2)}


def test_windows_tell_which_frames_they_are(host, model, module):
    patched, start = applied(host, model, module, displacement=moving(9), window=4, overlap=1)
    seen = []

    def look(q, k, v, extra):
        seen.append((tuple(extra["ad_params"]["sub_idxs"]), extra["ad_params"]["full_length"], len(q)))
        return q, k, v

    patched.set_model_attn1_patch(look)
    sampled(patched, start)
    assert {window for window, _, _ in seen} == {(0, 1, 2, 3), (0, 3, 4, 5), (0, 5, 6, 7), (0, 6, 7, 8)}
    assert {(full, rows) for _, full, rows in seen} == {(9, 8)}


@pytest.mark.parametrize("frames", [FRAMES, 9])
def test_a_controlnets_residuals_reach_their_own_frames(host, model, module, frames):
    patched, _ = applied(host, model, module, displacement=moving(frames), window=4 if frames == 9 else 0, overlap=1)
    unet, clips = patched.model.diffusion_model, noise(2 * frames, 4, *GRID, seed=7)
    times, text = torch.full((2 * frames,), 500.0), noise(2 * frames, 9, 32, seed=8)

    def found(added):
        control = {"middle": [], "output": [], "input": [None] * 11 + [added]}
        with torch.inference_mode():
            return unet(clips, times, text, control=control, transformer_options=options(patched))

    nothing = torch.zeros(2 * frames, 32, *GRID)
    one = nothing.clone()
    one[frames - 1] = 3  # the last frame of the first half
    assert torch.equal(found(nothing.clone()), found(None))
    change = (found(one) - found(nothing)).abs().amax(dim=(1, 2, 3))
    assert change[frames - 1] > 0.01
    assert change[frames:].max() == 0
    assert change.argmax() == frames - 1


def test_the_noise_schedule_is_the_motion_modules_unless_the_checkpoints_is_wanted(host, model, module):
    betas = torch.linspace(0.00085, 0.012, 1000, dtype=torch.float64)
    signal = (1 - betas).cumprod(0)
    trained = applied(host, model, module)[0].get_model_object("model_sampling").sigmas
    torch.testing.assert_close(trained, ((1 - signal) / signal).sqrt().float(), rtol=1e-4, atol=0)
    own = applied(host, model, module, betas="of the checkpoint")[0].get_model_object("model_sampling")
    assert own is model.get_model_object("model_sampling")


def test_what_the_motion_brush_holds_still_is_the_reference(host, model, module):
    brush = torch.zeros(1, *SIZE)
    brush[..., 32:] = 1
    found = sampled(*applied(host, model, module, motion_brush=brush))
    torch.testing.assert_close(found[..., :4], reference()[:, :, None, :, :4].expand(-1, -1, FRAMES, -1, -1))
    assert (found[:, :, 1:, :, 4:] - reference()[:, :, None, :, 4:]).abs().mean() > 0.1


def test_a_brush_over_a_picture_of_odd_size_is_not_stretched(host, model, module):
    """61 columns are seven cells and five columns of an eighth: the brush reaches to column 39, within the fifth."""
    brush = torch.zeros(1, 45, 61)
    brush[..., 32:40] = 1
    field = MotionField(moving()).resized(Size(45, 61)).displacement
    _, start = applied(host, model, module, displacement=field, motion_brush=brush)
    assert start["noise_mask"][1, 0, 0].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]


def test_an_exception_leaves_no_hook_behind(host, model, module):
    patched, start = applied(host, model, module)

    def stop(q, k, v, extra):
        raise KeyboardInterrupt

    patched.set_model_attn1_patch(stop)
    with pytest.raises(KeyboardInterrupt):
        sampled(patched, start)
    assert not any(layer._forward_hooks for layer in model.model.diffusion_model.modules())


def test_a_field_of_another_size_is_brought_to_the_latents(host, model, module):
    larger = MotionField(moving()).resized(Size(96, 128)).displacement
    patched, start = applied(host, model, module, displacement=larger)
    again = MotionField(larger).resized(SIZE).displacement
    same, _ = applied(host, model, module, displacement=again)
    torch.testing.assert_close(sampled(patched, start), sampled(same, start))


def test_a_latent_of_another_length_is_refused_in_words(host, model, module):
    patched, _ = applied(host, model, module)
    with pytest.raises(ValueError, match=r"has 4 frames .* and \d+ of 8×6 are sampled\. Connect the latent"):
        sampled(patched, {"samples": torch.zeros(3, 4, *GRID)})


def test_weights_in_half_or_eight_bits_render_nearby(host, model, module):
    patched, start = applied(host, model, module)
    exact = sampled(patched, start, steps=1)
    for weights, near in (("bfloat16", 0.05), ("float8_e4m3fn", 0.3)):
        kept = host.run("LoadMotionModule", motion_module="motion_block.bin", weights=weights)
        found = sampled(*applied(host, model, kept), steps=1)
        assert 0 < (found - exact).norm() < near * exact.norm()


def test_render_video_is_the_parts_it_is_made_of(host, model, module):
    import comfy.sample

    vae = miniature_nodes.vae()
    image = torch.rand(1, 45, 61, 3, generator=torch.Generator().manual_seed(3))
    field = host.module("motion_core.types").MotionField(moving())
    texts = {"positive": miniature_nodes.conditioning(1), "negative": miniature_nodes.conditioning(2)}
    sampling = {"seed": 3, "steps": 2, "cfg": 3.0, "sampler_name": "ddim", "scheduler": "normal"}
    frames = host.run("RenderVideo", image=image, model=model, motion_module=module, motion_field=field, vae=vae,
                      **texts, **sampling, **WAY)  # fmt: skip
    assert frames.shape == (FRAMES, 45, 61, 3)
    whole = torch.nn.functional.pad(image.movedim(-1, 1), (0, 3, 0, 3), mode="replicate")
    with torch.inference_mode():
        reference = {"samples": vae.encode(whole.contiguous().movedim(1, -1))}
    small = host.module("motion_core.types").MotionField(MotionField(moving()).resized(Size(45, 61)).displacement)
    patched, latent = host.run(
        "ApplyMotionField", model=model, motion_module=module, motion_field=small, reference=reference, **WAY
    )
    start = comfy.sample.prepare_noise(latent["samples"], 3)
    with torch.inference_mode():
        samples = comfy.sample.sample(
            patched, start, 2, 3.0, "ddim", "normal", *texts.values(), latent["samples"], disable_pbar=True, seed=3
        )
        wanted, picture = vae.decode(samples), vae.decode(reference["samples"])
    torch.testing.assert_close(frames, wanted[:, :45, :61].float())
    torch.testing.assert_close(frames[0], picture[0, :45, :61].float(), atol=1e-3, rtol=0)


def test_with_little_memory_the_weights_are_fetched_as_they_are_used(host, model, module):
    """As for cards of a few gigabytes: a part of each network is moved to where it computes, the rest stays outside."""
    patched, start = applied(host, model, module)
    whole = sampled(patched, start)
    for patcher in (module, model):
        patcher.detach()
        patcher.patch_model(lowvram_model_memory=1)
    assert any(getattr(layer, "comfy_cast_weights", False) for layer in module.model.network.modules())
    torch.testing.assert_close(sampled(patched, start), whole, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_model_renders_the_same(host, model, module, backend):
    compiling = pytest.importorskip("comfy_api.torch_helpers")
    patched, start = applied(host, model, module)
    whole = sampled(patched, start, steps=1)
    compiled = patched.clone()
    compiling.set_torch_compile_wrapper(compiled, backend=backend, keys=["diffusion_model"])
    torch.testing.assert_close(sampled(compiled, start, steps=1), whole, atol=2e-4, rtol=1e-3)


def test_without_any_motion_module_it_is_refused_in_words(host, model):
    with pytest.raises(ValueError, match="There is no motion module: connect Load Motion Module"):
        applied(host, model, None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"displacement": torch.zeros(1, 2, *SIZE)}, "one frame, the image; there is nothing to render"),
        ({"window": 1}, "has 2 … 16 frames; got 1"),
        ({"window": 4, "overlap": 62, "displacement": moving(9)}, "overlap by 0 … 2 frames; got 62"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_sampling(host, model, module, wrong, told):
    with pytest.raises(ValueError, match=told):
        applied(host, model, module, **wrong)


@pytest.mark.parametrize("shape", [(1, 16, 6, 8), (1, 16, 1, 6, 8), (1, 4, 1, 6, 8), (0, 4, 6, 8)])
def test_a_latent_of_another_model_is_refused_in_words(host, model, module, shape):
    field = host.module("motion_core.types").MotionField(moving())
    with pytest.raises(ValueError, match=r"A latent of SD1\.5, \[1, 4, h, w\], is wanted"):
        host.run("ApplyMotionField", model=model, motion_module=module, motion_field=field,
                 reference={"samples": torch.zeros(shape)}, **WAY)  # fmt: skip


def test_sd2_is_refused_although_its_unet_is_of_the_same_widths(host, module):
    import comfy.supported_models

    other = miniature_nodes.model()
    other.model.model_config = comfy.supported_models.SD20(dict(miniature_nodes.UNET))
    with pytest.raises(ValueError, match=r"works on Stable Diffusion 1.5"):
        applied(host, other, module)


def test_a_noise_schedule_that_the_user_chose_is_kept(host, model, module):
    import comfy_extras.nodes_model_advanced as advanced

    chosen = advanced.ModelSamplingDiscrete().patch(model, "eps", True)[0]
    kept = applied(host, chosen, module)[0].get_model_object("model_sampling")
    assert kept is chosen.get_model_object("model_sampling")


@pytest.mark.parametrize("text", [torch.zeros(1, 9, 48), None])
def test_render_video_refuses_another_models_text_in_words(host, model, module, text):
    field = host.module("motion_core.types").MotionField(moving())
    with pytest.raises(ValueError, match="This model reads texts of width 32"):
        host.run("RenderVideo", image=torch.zeros(1, 48, 64, 3), model=model, motion_module=module, motion_field=field,
                 vae=None, positive=[[text, {}]], negative=miniature_nodes.conditioning(2), seed=0, steps=1, cfg=1.0,
                 sampler_name="ddim", scheduler="normal", **WAY)  # fmt: skip
