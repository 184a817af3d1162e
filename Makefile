# Thin: Meson builds, tools/ and bench/ do the rest. `make demo` is the place to begin.
BUILD ?= build
export PATH := /usr/bin:$(PATH)

all: $(BUILD)/build.ninja
	meson compile -C $(BUILD)

$(BUILD)/build.ninja:
	tools/setup build
	meson setup $(BUILD) -Dtests=false

demo:
	tools/setup build demo
	$(MAKE) --no-print-directory all
	tools/demo $(BUILD)

check:
	tools/setup build check
	tools/ci

# QUICK=1: libc and python3.11 only, nothing large is installed
bench:
	tools/setup build $(if $(QUICK),bench-quick,bench)
	$(MAKE) --no-print-directory all
	bench/run $(if $(QUICK),--quick) $(BUILD)/turf

install: all
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*

.PHONY: all demo check bench install clean
