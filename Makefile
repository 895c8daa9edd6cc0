# Everything there is to do here. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

export GOTOOLCHAIN := local
export AWS_EC2_METADATA_DISABLED := true

TAGS    := grpcnotrace
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STAMP   := -X main.version=$(VERSION) -X main.date=$(shell git log -1 --format=%cI 2>/dev/null)
LDFLAGS := -s -w -buildid= $(STAMP)
BUILD   := CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS)'
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN    := golang.org/x/vuln/cmd/govulncheck@v1.9.0
VULNDB  ?= $(firstword $(wildcard ../shared/vulndb/vulndb_v1.tgz))
BUDGET  := 33000000

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build and start the demo world: gateway, three services, a config to play with
	bin/sallyport demo

.PHONY: build
build: ## bin/sallyport, static, reproducible, version stamped
	@mkdir -p bin
	$(BUILD) -o bin/sallyport ./cmd/sallyport

.PHONY: test
test: ## all tests, with the race detector (and without, where it takes too long or counts allocations); what CI runs
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	go vet -tags $(TAGS) ./...
	$(MAKE) --no-print-directory size
	CGO_ENABLED=1 go test -race -tags $(TAGS),poison -timeout 8m ./...
	go test -tags $(TAGS) -timeout 4m ./balance
	go test -tags $(TAGS) -run 'Alloc' -timeout 4m ./...

.PHONY: size
size: build ## the binary keeps its budget and is built the same twice
	@size=$$(stat -c %s bin/sallyport); echo "binary: $$size bytes, budget $(BUDGET)"; test $$size -le $(BUDGET)
	@$(BUILD) -o bin/sallyport.again ./cmd/sallyport; cmp bin/sallyport bin/sallyport.again && echo "built twice, the same"; rm bin/sallyport.again

.PHONY: check
check: ## linters, and known vulnerabilities where the database can be had
	go run $(LINT) run --build-tags $(TAGS) ./...
	@if [ -n "$(VULNDB)" ]; then \
	  db=$$(mktemp -d); trap 'rm -rf "$$db"' EXIT; tar -xzf "$(VULNDB)" -C "$$db"; \
	  go run $(VULN) -db "file://$$(dirname "$$(find "$$db" -name index -type d | head -1)")" -tags $(TAGS) ./...; \
	else \
	  go run $(VULN) -tags $(TAGS) ./... || { [ "$${CI:-}" = true ] || exit 1; echo "no vulnerability database in reach"; }; \
	fi

.PHONY: docs
docs: build ## docs/reference/, made anew from the code
	bin/sallyport docs docs/reference

.PHONY: bench
bench: build ## CPU, speed and memory against its peers, in one table a case (20 to 30 minutes)
	bench/run

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (default 2m)
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -rhoP --include='*_test.go' '^func \KFuzz\w+' $$pkg | sort -u); do \
	    grep -qP "^func $$f\b" $$pkg/*_test.go || continue; \
	    echo "== $$pkg $$f"; go test -tags $(TAGS) -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-2m} -fuzzminimizetime 50x $$pkg; \
	  done; \
	done

.PHONY: soak
soak: build ## load, reloads and killed backends for SOAK (default 10m), and GRAPHS (default 1000) random compositions, each 1,000 times; nothing may be lost
	SOAK=$${SOAK:-10m} go test -tags $(TAGS),soak -run '^TestSoak' -timeout 0 -v ./test/...
	SOAK=1m go test -tags $(TAGS) -run '^(TestReloadManyRoutes|TestUpgradeUnderLoad|TestUpgradeWithStore|TestKilledWhile.*)$$' -count 1 -timeout 15m -v ./gateway ./process ./store/sqlite ./cmd/sallyport
	SALLYPORT_GRAPHS=$${GRAPHS:-1000} SALLYPORT_TIMES=1000 go test -tags $(TAGS) -run '^TestOneOutcome$$' -count 1 -timeout 0 -v ./backends/compose
