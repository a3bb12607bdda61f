"""The commands that train a rewriter, merge and push it, TRL's own command, and several processes."""

import base64
import dataclasses
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from command import ROOT, retake
from tiny_training import (
    prepared_dpo,
    prepared_sft,
    sft,
    weights_of,
)
from trl.scripts.dpo import make_parser as make_dpo_parser
from trl.scripts.sft import make_parser as make_sft_parser
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.sft_config import SFTConfig

from agent.errors import UsageError
from agent.rewriter_card import read_card, write_card
from finetune.errors import DistillError
from finetune.training.dpo import dpo_arguments
from finetune.training.merge import merge
from finetune.training.push import push
from finetune.training.settings import SFTSettings, make_settings
from finetune.training.sft import sft_arguments
from finetune.training.trainer import quiet
from finetune.training.trl_line import trl_line

# The same with TRL


@pytest.mark.parametrize("settings", [{}, {"full": True, "lora_r": None, "save_steps": 5, "scheduler": "cosine"}])
def test_trl_takes_the_line_for_sft_and_means_the_same(
    settings: dict[str, Any], training_rows: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    prepared = prepared_sft(training_rows, tmp_path / "out", tiny_llama, **settings)
    words = shlex.split(trl_line(prepared, sft_arguments(prepared), SFTConfig))
    assert words[:2] == ["trl", "sft"]
    with quiet():
        script, config, of_model, _ = make_sft_parser().parse_args_and_config(words[2:])
        ours = SFTConfig(output_dir=str(tmp_path / "out"), **sft_arguments(prepared))
    assert (script.dataset_name, script.dataset_config) == (str(training_rows), "sft")
    assert (of_model.model_name_or_path, of_model.use_peft) == (str(tiny_llama), not prepared.settings.full)
    assert_same(config, ours)


def test_trl_takes_the_line_for_dpo_after_merging_what_it_can_not_go_on_with(
    training_rows: Path, sft_rewriter: Path, tmp_path: Path
) -> None:
    prepared = prepared_dpo(training_rows, tmp_path / "out", sft_rewriter, sft_weight=0.3)
    merging, _, line = trl_line(prepared, dpo_arguments(prepared), DPOConfig).partition(" && ")
    assert shlex.split(merging) == ["retake", "distill", "merge", str(sft_rewriter), f"{sft_rewriter}-merged"]
    with quiet():
        script, config, of_model, _ = make_dpo_parser().parse_args_and_config(shlex.split(line)[2:])
        ours = DPOConfig(output_dir=str(tmp_path / "out"), **dpo_arguments(prepared))
    assert (script.dataset_config, of_model.model_name_or_path) == ("dpo", f"{sft_rewriter}-merged")
    assert (of_model.lora_r, of_model.lora_alpha, of_model.lora_target_modules) == (4, 8, "all-linear")
    assert (config.loss_type, config.loss_weights) == (["sigmoid", "sft"], [1.0, 0.3])
    assert_same(config, ours)


def assert_same(one: Any, other: Any) -> None:
    for field in dataclasses.fields(one):
        if field.name not in ("logging_dir", "run_name"):
            assert getattr(one, field.name) == getattr(other, field.name), field.name


@pytest.mark.slow
def test_trls_own_command_trains_the_same_weights(training_rows: Path, tiny_llama: Path, tmp_path: Path) -> None:
    settings = {"max_steps": 3, "learning_rate": 0.01}
    prepared = prepared_sft(training_rows, tmp_path / "trl", tiny_llama, **settings)
    words = shlex.split(trl_line(prepared, sft_arguments(prepared), SFTConfig))
    done = subprocess.run(
        [sys.executable, "-m", "trl.scripts.sft", *words[2:]],
        env=os.environ | {"HF_HOME": str(tmp_path / "cache")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours = sft(training_rows, tmp_path / "ours", tiny_llama, **settings)
    theirs = weights_of(tmp_path / "trl")
    for name, weights in weights_of(ours).items():
        assert torch.allclose(weights, theirs[name], atol=1e-6), name


# The commands


def test_the_command_trains_says_what_it_does_and_does_it_once(
    training_rows: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    file = tmp_path / "train.yaml"
    file.write_text("lora-r: 4\nmax_steps: 2\nlogging_steps: 1\n")
    command = ["distill", "sft", str(training_rows), "--config", str(file), "--output-dir", str(tmp_path / "out")]
    done = retake(*command, "--model", str(tiny_llama))
    assert done.returncode == 0, done.stderr
    assert "24 rows to train on, 8 held out" in done.stdout
    assert "the same with TRL: trl sft --model_name_or_path" in done.stdout
    assert "held-out loss" in done.stdout
    assert done.stderr == ""
    again = retake(*command, "--model", str(tiny_llama))
    assert (again.returncode, again.stdout.strip()) == (0, f"{tmp_path / 'out'} is finished already")
    other = retake(*command, "--model", str(tiny_llama), "--seed", "1")
    assert other.returncode == 2
    assert "was begun with seed 0, now it is 1" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sft", "nowhere", "--model", "m"], "no folder nowhere"),
        (["sft", "DATA"], "no model to begin with"),
        (["sft", "DATA", "--model", "m", "--epochs", "0"], "epochs: input should be greater than 0"),
        (["sft", "DATA", "--model", "m", "--config", "nowhere.yaml"], "no config file at nowhere.yaml"),
        (["dpo", "DATA", "--model", "m", "--full", "--lora-r", "4"], "--full trains all weights"),
    ],
)
def test_a_slip_gets_one_line_and_leaves_nothing_behind(
    arguments: list[str], told: str, training_rows: Path, tmp_path: Path
) -> None:
    words = [str(training_rows) if word == "DATA" else word for word in arguments]
    done = retake("distill", *words, "--output-dir", str(tmp_path / "out"))
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_config_of_dpo_is_refused_by_sft(training_rows: Path, tmp_path: Path) -> None:
    (tmp_path / "dpo.yaml").write_text("beta: 0.2\n")
    with pytest.raises(DistillError, match="unknown key 'beta'"):
        make_settings(SFTSettings, tmp_path / "dpo.yaml", {"model": "m"})


# On the hub


class FakeHub(ThreadingHTTPServer):
    """Takes what huggingface_hub sends when a repository is made and a folder uploaded, without large-file storage."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeHubHandler)
        self.made: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.files: dict[str, bytes] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"


class FakeHubHandler(BaseHTTPRequestHandler):
    server: FakeHub

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.keys.add(self.headers["Authorization"])
        if self.path == "/api/repos/create":
            self.server.made.append(json.loads(sent))
            self._answer({"url": f"{self.server.url}/me/rewriter", "name": "me/rewriter"})
        elif self.path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [{"path": file["path"], "uploadMode": "regular"} for file in json.loads(sent)["files"]]
            self._answer({"files": [file | {"shouldIgnore": False, "oid": None} for file in files]})
        else:
            for line in map(json.loads, sent.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self._answer(
                {
                    "success": True,
                    "commitOid": "0" * 40,
                    "commitUrl": f"{self.server.url}/me/rewriter/commit/{'0' * 40}",
                }
            )

    def do_GET(self) -> None:
        self._answer({"id": "me/rewriter", "sha": "0" * 40, "siblings": []})

    def _answer(self, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *arguments: Any) -> None:
        return


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_rewriter_is_pushed_to_a_private_repository_with_the_key_of_the_environment(
    hub: FakeHub, sft_rewriter: Path, tmp_path: Path
) -> None:
    online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_secret", "HF_HOME": str(tmp_path)}
    merge(sft_rewriter, tmp_path / "merged")
    (tmp_path / "merged" / "training_args.bin").write_bytes(b"pickled")
    done = retake("distill", "push", str(tmp_path / "merged"), "me/rewriter", **online)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("me/rewriter")
    assert hub.keys == {"Bearer hf_secret"}
    assert hub.made[0]["visibility"] == "private"
    sent = {path.name for path in (tmp_path / "merged").iterdir()} - {"training_args.bin"}
    assert set(hub.files) - {".gitattributes"} == sent
    assert hub.files["rewriter.json"] == (tmp_path / "merged" / "rewriter.json").read_bytes()
    assert "hf_secret" not in done.stdout + done.stderr


def test_what_others_could_not_use_or_nobody_allowed_is_not_pushed(
    sft_rewriter: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DistillError, match=r"is an adapter over /.*, which the hub does not have"):
        push(sft_rewriter, "me/rewriter")
    shutil.copytree(sft_rewriter, tmp_path / "over shipped")
    card = read_card(sft_rewriter).model_copy(update={"base": "pocket-writer"})
    write_card(tmp_path / "over shipped", card)
    with pytest.raises(DistillError, match="is an adapter over pocket-writer, which the hub does not have"):
        push(tmp_path / "over shipped", "me/rewriter")
    with pytest.raises(UsageError, match=r"holds no rewriter\.json"):
        push(tiny_llama, "me/rewriter")
    merge(sft_rewriter, tmp_path / "merged")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(DistillError, match="HF_TOKEN is not set"):
        push(tmp_path / "merged", "me/rewriter")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(DistillError, match="the hub did not take not a name"):
        push(tmp_path / "merged", "not a name")


# Several processes


@pytest.mark.parametrize("name", ["fsdp", "deepspeed_zero2", "ddp_cpu"])
def test_accelerate_takes_our_configs(name: str) -> None:
    file = ROOT / "finetune" / "accelerate" / f"{name}.yaml"
    parsed = load_config_from_file(str(file))
    assert parsed.to_dict().items() >= {"num_machines": 1, "num_processes": 2}.items()
    kinds = {"fsdp": "FSDP", "deepspeed_zero2": "DEEPSPEED", "ddp_cpu": "MULTI_CPU"}
    assert parsed.distributed_type == kinds[name]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["ddp_cpu", "deepspeed_zero2"])
def test_two_processes_leave_one_adapter(name: str, training_rows: Path, tiny_llama: Path, tmp_path: Path) -> None:
    if name == "deepspeed_zero2" and not find_spec("deepspeed"):
        pytest.skip(
            "needs deepspeed: pip install --no-build-isolation deepspeed, with a C++ compiler and ninja at hand"
        )
    config = ROOT / "finetune" / "accelerate" / f"{name}.yaml"
    for method, start, out in (("sft", tiny_llama, tmp_path / "sft"), ("dpo", tmp_path / "sft", tmp_path / "dpo")):
        words = [
            "distill",
            method,
            str(training_rows),
            "--model",
            str(start),
            "--output-dir",
            str(out),
            "--max-steps",
            "2",
        ]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)),
                *("--mixed_precision", "no", "-m", "retake"),
                *words,
            ],
            cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("rows to train on") == 1
        assert read_card(out).trained[-1] == method
        assert (out / "adapter_model.safetensors").is_file()
        assert not (out / "checkpoints").exists()
