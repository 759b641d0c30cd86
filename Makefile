# Each target does its whole set-up on a fresh machine; `make demo` and `make test` are the two to begin with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KUBE := build/kube
# What lab nodes need on the machine that carries them.
PACKAGES := python3-venv mmdebstrap systemd-container openssh-client openssl chrony iproute2 nftables iptables
# What tests run besides: a real sshd, age, Ruby for the Vagrantfile, login shells that nodes may have, dnf with rpm, and a C
# compiler for NVIDIA's container toolkit.
TEST_PACKAGES := python3-venv openssh-client openssh-server sudo age ruby zsh fish tcsh ksh busybox-static tinyproxy \
	dnf dnf-plugins-core rpm createrepo-c gnupg gcc libc6-dev
AS_ROOT := [ "$$(id -u)" = 0 ] || { echo "Lab nodes, and scripts made for nodes, are run by root: sudo make ..." >&2; exit 1; }
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: demo test test-slow test-vm test-unit lint bench bench-system venv system test-system vm-system kube clean

demo: venv system kube  ## real nodes, a cluster on them, its health; they stay until `clustr lab down`
	@tests/demo.sh $(KUBE)

test: venv system test-system kube lint  ## everything on lab nodes, but what is marked slow
	@tests/run.sh $(KUBE) -m 'not slow and not vm'
	@echo "The tests marked slow were not run (make test-slow), nor those on a virtual machine (make test-vm)"

test-slow: venv system test-system kube  ## what test leaves out: the hardened hosts again, on the other releases
	@tests/run.sh $(KUBE) -m slow

test-vm: venv vm-system  ## on a virtual machine: a reboot in the middle of a run, and what RDMA needs of a kernel
	@$(BIN)/pytest -s tests/vm

test-unit: venv test-system  ## what needs no nodes
	$(BIN)/pytest tests/unit tests/components

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: venv bench-system  ## speed, as ratios in one run, beside other tools on simulated nodes: half an hour
	$(BIN)/python tests/bench/startup.py
	$(BIN)/python tests/bench/inventory.py
	$(BIN)/python -m tests.bench.fleet

venv: $(BIN)/.ready

$(BIN)/.ready: pyproject.toml
	@tests/system.sh python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --editable . --group dev
	@touch $@

bench-system:  # mmdebstrap, and what other tools connect with
	@tests/system.sh python3-venv mmdebstrap iproute2 openssh-client
	@$(AS_ROOT)

system:
	@tests/system.sh $(PACKAGES)
	@$(AS_ROOT)

vm-system:
	@tests/system.sh python3-venv mmdebstrap qemu-system-x86 e2fsprogs openssh-client chrony
	@$(AS_ROOT)

test-system:
	@tests/system.sh $(TEST_PACKAGES)
	@$(AS_ROOT)

# Kubernetes in k3s's place, where k3s's own release cannot be reached (tests/kube/README.md).
kube:
	@tests/kube.sh $(KUBE)

clean:
	rm -rf build dist $(VENV)
