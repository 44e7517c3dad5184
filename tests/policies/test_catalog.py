"""The catalogue opens what it lists and says plainly what it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from foundation.errors import BadInput, PolicyUnavailable
from policies.catalog import CATALOG, known_policies, load_policy, options_from_text, policies_that_act


def test_the_list_needs_no_torch() -> None:
    code = "import sys, policies.catalog as c; assert c.known_policies(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_unique_and_described() -> None:
    names = [name for name, _ in known_policies()]
    assert len(set(names)) == len(names)
    assert all(entry.description and "\n" not in entry.description for entry in CATALOG)


@pytest.mark.parametrize("name", ["dinov2-small", "openvla-tiny-libero"])
def test_the_list_knows_who_acts(name: str) -> None:
    assert (load_policy(name).action_space is not None) is (name in policies_that_act())


def test_an_unknown_policy_gets_a_suggestion() -> None:
    with pytest.raises(PolicyUnavailable, match="Did you mean 'dinov2-small'"):
        load_policy("dinov2-smal")


def test_an_absent_device_is_an_error_and_no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(BadInput, match="no CUDA device"):
        load_policy("dinov2-small", device="cuda")


@pytest.mark.parametrize("device", ["gpu0", "meta", "cuda:x"])
def test_a_device_that_does_not_exist_is_refused(device: str) -> None:
    with pytest.raises(BadInput, match="Use 'cpu'"):
        load_policy("dinov2-small", device=device)


def test_an_unknown_dtype_or_option_gets_a_suggestion() -> None:
    with pytest.raises(BadInput, match="Did you mean 'bfloat16'"):
        load_policy("dinov2-small", dtype="bfloat61")
    with pytest.raises(BadInput, match="Did you mean 'input_size'"):
        load_policy("dinov2-small", inputsize=448)
    with pytest.raises(BadInput, match="no option 'unnorm_key'"):
        load_policy("dinov2-small", unnorm_key="bridge_orig")


def test_options_take_the_type_that_their_family_declares(tmp_path: Path) -> None:
    tiny.oft(tmp_path, film=False)
    folder = str(tmp_path / "oft")
    options = options_from_text(folder, {"views": "1", "chunk": "3", "recipe": "libero"})
    assert options == {"views": 1, "chunk": 3, "recipe": "libero"}
    assert load_policy(folder, **options).cameras == ("image",)
    with pytest.raises(BadInput, match=r"views is a number \(int\); got 'two'"):
        options_from_text(folder, {"views": "two"})
    with pytest.raises(BadInput, match=r"has no option 'view'\. Did you mean 'views'"):
        options_from_text(folder, {"view": "2"})
    with pytest.raises(PolicyUnavailable, match="There is no policy 'openvla-8b'"):
        options_from_text("openvla-8b", {})
    assert options_from_text("dinov2-small", {"input_size": "112"}) == {"input_size": 112}


def test_words_stay_words(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    assert options_from_text(str(tmp_path), {"opening": "A chat, and 1=1. "}) == {"opening": "A chat, and 1=1. "}
