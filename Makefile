# make help lists what there is. Nothing but Go has to be installed first: what a
# target needs besides, it installs (Debian) or names.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFLAGS_BUILD := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
TOOLS := bin/tools
# Those that wait most begin first: the others compute meanwhile.
PACKAGES ?= ./test/story ./internal/reconcile ./...
PURE := /internal/(doctor|isolation|tenancy)$$
FUZZTIME ?= 100000x

# SQLite, translated from C, keeps its memory outside of Go's heap, where the race
# detector and checkptr look at nothing; finding that out takes a third of the
# computing of tests that have a database. Its driver and our code stay instrumented.
# It is in GOFLAGS so that lint and programs that tests build share the compiled packages.
test race test-long story conform: export GOFLAGS := $(shell go env GOFLAGS) \
  '-gcflags=modernc.org/sqlite/lib=-race=false -d=checkptr=0' \
  -gcflags=modernc.org/libc=-d=checkptr=0 -gcflags=modernc.org/memory=-d=checkptr=0

# Properties are tried on the same values in every run, so that no change fails by what it did
# not touch; with RAPID_SEED=0 on others in each.
export RAPID_SEED ?= 1

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/managedcas and bin/managedcasd, static
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/ ./cmd/...

.PHONY: demo
demo: build $(TOOLS)/cyclonedx-gomod ## the whole main job on this machine; KEEP=1 leaves it running
	go run ./test/demo -bin bin -tools $(TOOLS) $(if $(KEEP),-keep)

.PHONY: test
test: packages lint ## everything that must hold, under the race detector (a few minutes)
	@# lint has vetted them. A third package computes while two wait.
	list=$$(go list $(PACKAGES)) && echo "$$list" | grep -vE '$(PURE)' | xargs -r go test -race -vet=off -p 3 -timeout 25m
	@# What neither shares anything nor waits for anybody has no races, and takes five times as long with the detector.
	list=$$(go list $(PACKAGES)) && echo "$$list" | grep -E '$(PURE)' | xargs -r go test -vet=off -timeout 25m

.PHONY: race
race: ## the tests of PACKAGES under the race detector, nothing else
	go test -race $(PACKAGES)

.PHONY: chart
chart: $(TOOLS)/staticcheck ## the Helm chart: lint it, render its examples, hold them to Kubernetes' types
	@# Of files outside of its module go test remembers nothing: they may have changed.
	cd test/chart && go vet . && ../../$(TOOLS)/staticcheck . && go test -count 1 .

.PHONY: test-long
test-long: chart ## the long sweeps, a minute of load under the race detector, the chart, and every fuzz target with FUZZTIME inputs
	go test -tags long -timeout 80m $$(grep -rl --include='*_test.go' '^//go:build long' internal test | xargs -n1 dirname | sort -u | sed 's,^,./,')
	go test -race -tags long -timeout 25m -run '^TestMixedLoad$$' ./test/datapath
	@# FUZZTIME is a number of inputs: a time that ends, as 10s, is now and then a failure of the
	@# target to Go before 1.27 (go.dev/issue/75804). Making one interesting input small may
	@# take longer than all others, and is for readers.
	@grep -rlE --include='*_test.go' '^func Fuzz' internal test | xargs -n1 dirname | sort -u | while read -r dir; do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go | cut -d' ' -f2); do \
	    echo "fuzz ./$$dir $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$dir </dev/null; \
	  done; \
	done

.PHONY: conform
conform: ## AWS's behaviour, held against ten embedded accounts; or an account of yours: docs/conformance.md
	go test -count 1 -timeout 1h $(if $(filter aws,$(CONFORM_TARGET)),-v,-race) ./test/conform

.PHONY: story
story: ## the stories of test/story; STORY=name runs one
	go test -count 1 ./test/story $(if $(STORY),-run 'TestStories/$(STORY)$$' -v)

.PHONY: lint
lint: $(TOOLS)/staticcheck ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l cmd internal test); test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	go vet ./...
	$(TOOLS)/staticcheck ./...

.PHONY: vulncheck
vulncheck: $(TOOLS)/govulncheck ## known vulnerabilities in what we use (asks the Go vulnerability database)
	$(TOOLS)/govulncheck ./...

.PHONY: bench
bench: build ## ratios: the data path to a direct S3 client, the embedded AWS to a plain server, the evaluator
	go run ./test/ratios
	go test -run '^$$' -bench . -benchmem ./internal/iam ./internal/digest ./test/bench

# Where the servers and the client run. A release is built once for all of them.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
RELEASE := VERSION=$(VERSION) SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct 2>/dev/null || echo 0) CYCLONEDX=$(TOOLS)/cyclonedx-gomod

.PHONY: release
release: $(TOOLS)/cyclonedx-gomod ## archives for PLATFORMS, bills of materials, the chart, checksums: bin/release
	$(RELEASE) OUT=bin/release deploy/release/build $(PLATFORMS)

.PHONY: release-check
release-check: release ## build the release again, from a copy elsewhere, and want the same bytes
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	git ls-files -z | xargs -0 cp --parents -t "$$copy"; \
	$(RELEASE) OUT="$$copy/out" "$$copy/deploy/release/build" $(PLATFORMS); \
	diff bin/release/SHA256SUMS "$$copy/out/SHA256SUMS" && echo "the same bytes"

.PHONY: generate
generate: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-go-grpc ## write what is generated: protobuf code, deploy/policies, docs/policies, what the chart renders
	cd proto && PATH="$(CURDIR)/$(TOOLS):$$PATH" buf generate
	go test ./internal/tenancy ./internal/isolation -update
	cd test/chart && go test . -update

.PHONY: generate-check
generate-check: generate ## fail if what is generated is not what is committed
	git diff --exit-code -- proto deploy/policies docs/policies test/chart/testdata
	go mod tidy -diff

.PHONY: packages
packages: ## install the Debian packages that tests use
	@for tool in aws chromium curl rclone s3cmd; do command -v $$tool >/dev/null || missing=1; done; \
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing=1; \
	if [ -n "$${missing:-}" ]; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    get="apt-get -q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300"; \
	    $$get update && DEBIAN_FRONTEND=noninteractive $$get install -y awscli chromium curl rclone s3cmd postgresql; \
	  else echo "the tests need clients of S3, Chromium and PostgreSQL: sudo apt-get install awscli chromium curl rclone s3cmd postgresql"; exit 1; fi; \
	fi

$(TOOLS)/%: tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	cd tools && go build -o ../$(TOOLS)/$* $$(go list tool | grep '/$*$$')

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
