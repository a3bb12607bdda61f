"""What every Renderer must do, whatever draws inside.

Subclass `RendererConformance` as `Test…` and give it a `renderer` fixture; set `request_` to a small, quick clip.
"""

import numpy as np
import pytest

from agent.renderer import Renderer, RenderRequest


class RendererConformance:
    """The suite; every test makes one or two small clips."""

    request_ = RenderRequest(text="a red circle moves to the left, black background", seed=1)
    other_text = "two blue squares stay still, white background"

    def test_a_resolved_request_has_every_number_and_resolves_to_itself(self, renderer: Renderer):
        resolved = renderer.resolve(self.request_)
        for number in (resolved.width, resolved.height, resolved.num_frames, resolved.fps):
            assert number is not None
            assert number > 0
        assert (resolved.text, resolved.seed) == (self.request_.text, self.request_.seed)
        assert renderer.resolve(resolved) == resolved

    @pytest.mark.parametrize(
        "size", [{"width": 33, "height": 65}, {"num_frames": 1}, {"num_frames": 10}, {"fps": 12.5}, {"step_cache": 0.2}]
    )
    def test_odd_wishes_resolve_to_what_is_legal_for_good(self, renderer: Renderer, size: dict[str, float]):
        resolved = renderer.resolve(self.request_.model_copy(update=size))
        assert renderer.resolve(resolved) == resolved

    def test_the_clip_has_exactly_the_resolved_frames_size_and_rate(self, renderer: Renderer):
        resolved = renderer.resolve(self.request_)
        clip = renderer.render(self.request_)
        assert (clip.num_frames, clip.height, clip.width) == (resolved.num_frames, resolved.height, resolved.width)
        assert clip.fps == resolved.fps

    def test_the_same_request_gives_the_same_frames_also_when_resolved_first(self, renderer: Renderer):
        first = renderer.render(self.request_)
        again = renderer.render(renderer.resolve(self.request_))
        assert np.array_equal(first.frames, again.frames)

    def test_another_seed_gives_other_frames(self, renderer: Renderer):
        other = self.request_.model_copy(update={"seed": self.request_.seed + 1})
        assert not np.array_equal(renderer.render(self.request_).frames, renderer.render(other).frames)

    def test_another_text_gives_other_frames(self, renderer: Renderer):
        other = self.request_.model_copy(update={"text": self.other_text})
        assert not np.array_equal(renderer.render(self.request_).frames, renderer.render(other).frames)

    def test_steps_are_counted_up_to_all_of_them(self, renderer: Renderer):
        counted: list[tuple[int, int]] = []
        renderer.render(self.request_, lambda done, total: counted.append((done, total)))
        total = counted[-1][1]
        assert counted == [(done, total) for done in range(1, total + 1)]
        steps = renderer.resolve(self.request_).num_inference_steps
        assert steps is None or total == steps

    def test_what_the_step_callback_raises_comes_through_and_leaves_no_trace(self, renderer: Renderer):
        class EnoughError(Exception):
            pass

        def stop(done: int, total: int) -> None:
            raise EnoughError

        before = renderer.render(self.request_)
        with pytest.raises(EnoughError):
            renderer.render(self.request_, stop)
        assert np.array_equal(before.frames, renderer.render(self.request_).frames)

    def test_a_step_cache_changes_a_clip_just_where_it_is_recorded_and_leaves_no_trace(self, renderer: Renderer):
        # Steps enough for a pair of transformers, and a threshold so large that all but the first skip what they can.
        plain = self.request_.model_copy(update={"num_inference_steps": 6})
        cached = plain.model_copy(update={"step_cache": 1e6})
        before = renderer.render(plain)
        changes = not np.array_equal(renderer.render(cached).frames, before.frames)
        assert changes == (renderer.resolve(cached).step_cache is not None)
        assert np.array_equal(renderer.render(plain).frames, before.frames)

    def test_it_says_what_it_is(self, renderer: Renderer):
        info = renderer.info
        assert info.name
        assert info.model
        assert info.captions
        assert info == renderer.info

    def test_tokens_are_counted_when_there_is_a_limit_and_grow_with_the_text(self, renderer: Renderer):
        counts = renderer.count_tokens("a cat"), renderer.count_tokens("a cat and a dog run over a wide field")
        if renderer.info.token_limit is None:
            assert counts == (None, None)
        else:
            assert renderer.info.token_limit > 0
            assert counts[0] is not None
            assert counts[1] is not None
            assert 0 < counts[0] < counts[1]
