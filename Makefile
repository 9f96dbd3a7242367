# Trapline. `make demo` boots a guest, `make test` runs all tests; both install and build what they need.

BIN := node_modules/.bin
TRAPLINE := node dist/bin/main.js
SOURCES := $(shell find src -name '*.ts')
PROCESSOR := $(shell find asm -name '*.ts' -not -path 'asm/gen/*')
GENERATED := $(addprefix asm/gen/,dispatch.ts handlers.ts why.ts vmx-capabilities.ts vmx-checks.ts vmx-controls.ts vmx-fields.ts \
	vmx-instruction-errors.ts)
GUEST_PARTS := $(shell find guests -name '*.inc' -o -name '*.asm')
GUESTS := $(patsubst guests/%/main.asm,build/guests/%.bin,$(wildcard guests/*/main.asm))
INSTALLED := node_modules/.package-lock.json

.PHONY: all demo build gen lint format typecheck test bench fuzz interop guests clean

all: lint typecheck test

# Success is status 1: the guest writes 0 to the exit port.
demo: build
	@$(TRAPLINE) run guests/hello/main.asm; test $$? -eq 1

build: dist/trapline.wasm dist/bin/main.js
gen: build/gen.stamp

$(INSTALLED): package-lock.json
	npm ci
	@touch $@

build/tsc.stamp: $(SOURCES) tsconfig.json $(INSTALLED)
	$(BIN)/tsc -p .
	@mkdir -p build && touch $@

# The command line in a few files, with what V8 makes of them: start-up would spend most of its time on
# finding 200 modules and compiling them.
dist/bin/main.js: build/tsc.stamp | dist/trapline.wasm
	node dist/cli/bundle.js
	node dist/cli/cache-code.js $@ run guests/hello/main.asm > build/cache-code.log

# Writes only what has changed, so that the processor is not compiled again for nothing.
build/gen.stamp: build/tsc.stamp $(wildcard asm/exec/*.ts)
	node dist/node/generate.js
	@touch $@

$(GENERATED): build/gen.stamp
	@:

build/processor.wasm: $(PROCESSOR) $(GENERATED) asm/asconfig.json
	cd asm && ../$(BIN)/asc --config asconfig.json --target release
	@touch $@

# With the tables that the instruction set gives, so that they are not built at each start.
dist/trapline.wasm: build/processor.wasm build/tsc.stamp
	node dist/node/embed-tables.js $< $@

lint: $(INSTALLED)
	$(BIN)/biome check --config-path=. src asm test

# Changes files.
format: $(INSTALLED)
	$(BIN)/biome check --config-path=. --write src asm test

# The AssemblyScript compiler checks asm/ as part of the build.
typecheck: build
	$(BIN)/tsc -p . --noEmit
	$(BIN)/tsc -p test

test: build
	$(BIN)/vitest run --config test/vitest.config.ts --reporter=default --reporter=./test/totals.ts

# make bench ARGS='--runs 3 sieve'
bench: build
	$(TRAPLINE) bench $(ARGS)

# Ten million random instructions; two million random kernels, bare and in VMs; three million histories of page tables;
# a quarter of a million accesses through page tables over extended page tables.
fuzz: build
	FUZZ_RUNS=10000000 $(BIN)/vitest run --config test/vitest.config.ts test/fuzz test/mmu/flush test/mmu/nested test/vmm/shadow

# Guests under QEMU and Bochs (apt-get install nasm qemu-system-x86 bochs bochsbios).
interop:
	node test/interop/compare.mjs $(ARGS)
	node test/interop/pv-documented.mjs
	node test/interop/pv-kernels.mjs

guests: $(GUESTS)

build/guests/%.bin: guests/%/main.asm $(GUEST_PARTS) dist/bin/main.js
	@mkdir -p $(@D)
	$(TRAPLINE) asm $< -o $@

clean:
	rm -rf dist build asm/gen
