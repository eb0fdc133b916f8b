# What can be done here. Everything happens in a virtual environment of its own, .venv.

PYTHON ?= python3
BIN := .venv/bin
TORCH ?= torch==2.13.0
CPU_TORCH := --index-url https://download.pytorch.org/whl/cpu

.PHONY: demo test test-slow lint bench clean

demo: .venv/ready  ## a raccoon tilts its head: video, motion and contact sheet in demo/
	@mkdir -p demo
	$(BIN)/motion-i2v animate tests/fixtures/raccoon.jpg \
		--drag "0.60,0.56 0.545,0.60" --drag "0.86,0.18 0.885,0.27" --pin 0.20,0.15 \
		--brush tests/fixtures/raccoon_brush.png \
		--field demo/raccoon.safetensors --sheet demo/raccoon.jpg -o demo/raccoon.mp4
	$(BIN)/motion-i2v show demo/raccoon.safetensors -o demo/motion.png
	@echo "Look at demo/raccoon.mp4, its motion in demo/motion.png, and both in demo/raccoon.jpg"

test: .venv/ready  ## everything that takes minutes at most
	$(BIN)/pytest -m "not slow"

test-slow: .venv/ready  ## the proofs that take longer
	$(BIN)/pytest -m slow

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
