# What can be done here. Everything happens in a virtual environment of its own, .venv.

PYTHON ?= python3
BIN := .venv/bin
TORCH ?= torch==2.13.0
CPU_TORCH := --index-url https://download.pytorch.org/whl/cpu
# Where there is a ComfyUI checkout, the nodes are tested in it.
COMFYUI_PATH ?= $(HOME)/ComfyUI
export COMFYUI_PATH
HOST := $(if $(wildcard $(COMFYUI_PATH)/comfy),.venv/comfy)

.PHONY: demo test test-slow lint bench clean

demo: .venv/ready  ## a raccoon tilts its head: video, motion and contact sheet in demo/
	@mkdir -p demo
	$(BIN)/motion-i2v animate tests/fixtures/raccoon.jpg \
		--drag "0.60,0.56 0.545,0.60" --drag "0.86,0.18 0.885,0.27" --pin 0.20,0.15 \
		--brush tests/fixtures/raccoon_brush.png \
		--field demo/raccoon.safetensors --sheet demo/raccoon.jpg -o demo/raccoon.mp4
	$(BIN)/motion-i2v show demo/raccoon.safetensors -o demo/motion.png
	@echo "Look at demo/raccoon.mp4, its motion in demo/motion.png, and both in demo/raccoon.jpg"

test: .venv/ready $(HOST)  ## everything that takes minutes at most; tests/comfy in a process of its own
	$(BIN)/pytest -m "not slow" --ignore=tests/comfy
	$(BIN)/pytest -m "not slow" tests/comfy

test-slow: .venv/ready  ## the proofs that take longer
	$(BIN)/pytest -m slow --ignore=tests/comfy

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

bench: .venv/ready  ## measures, and writes benchmarks/results.md
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv demo

# The CPU build of torch where its own index is reached, the registry's build elsewhere.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq --retries 1 --timeout 15 $(CPU_TORCH) $(TORCH) || $(BIN)/pip install -q $(TORCH)
	$(BIN)/pip install -q -e '.[dev]'
	@touch $@

# ComfyUI does not start without torchvision, which must suit the torch that is there: from torch's own index where it is
# reached, else 0.16.2, which imports beside a torch that it was not built for. One that does not import would break
# transformers and peft, so it goes again, and tests/comfy are skipped.
IMPORTS := $(BIN)/python -W ignore -c "import peft, torchvision; from transformers import CLIPTextModel" 2> /dev/null
.venv/comfy: .venv/ready
	$(BIN)/pip install -q -e '.[comfy]'
	($(BIN)/pip install -qq --retries 1 --timeout 15 $(CPU_TORCH) $(TORCH) torchvision && $(IMPORTS)) \
		|| ($(BIN)/pip install -q --no-deps torchvision==0.16.2 && $(IMPORTS)) \
		|| ($(BIN)/pip uninstall -qy torchvision; echo "No torchvision suits this torch: tests/comfy are skipped.")
	@touch $@
