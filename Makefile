# Redrive. `make help` says what each target is for.

MODULES   := pkg api-service dispatcher-service deploy
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   := -s -w -X main.version=$(VERSION)

GOLANGCI  := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# Starts a PostgreSQL of its own unless TEST_DATABASE_URL names one, and installs what is missing where it may.
SERVERS   := go run ./pkg/testservers/cmd/withservers --

# The flags of the programs that are deployed. All targets have them, so that each dependency is compiled once for all. `withservers` does
# not pass CGO_ENABLED=0 on, because the race detector needs cgo.
export CGO_ENABLED := 0
export GOFLAGS     := -buildvcs=false -trimpath

.DEFAULT_GOAL := help
.PHONY: help run info demo env secrets up down logs build dist images check fmt lint modules test fuzz licences bench pgo performance screenshots chaos stack nodes clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## run everything in one process on loopback, with data in .local/
	@echo "building…"
	@go build -o bin/redrive ./deploy/local/cmd/redrive
	@exec bin/redrive

info: ## print the addresses and commands of what `make run` runs
	@go build -o bin/redrive ./deploy/local/cmd/redrive
	@exec bin/redrive info

demo: ## watch a delivery fail and come back to life, in a few seconds
	@echo "building…"
	@go build -o bin/redrive ./deploy/local/cmd/redrive
	@exec bin/redrive demo

env: ## fill .env with random secrets for the containers, unless it is there
	@sh deploy/docker/env.sh

secrets: env ## move the secrets from .env to files in secrets/, which containers get instead of variables
	@sh deploy/docker/secrets.sh

up: env ## build the images and start the stack in containers, until it is healthy; ARGS='--scale api-service=2'
	@sh deploy/docker/prepare.sh
	VERSION=$(VERSION) docker compose up --build --detach --wait --remove-orphans $(ARGS)

down: ## stop the containers; their data stays in its volumes
	docker compose --profile demo --profile observability down

logs: ## follow the logs of the containers
	docker compose --profile demo --profile observability logs --follow --tail 100

build: ## build both services into bin/, as static binaries
	go build -ldflags '$(LDFLAGS)' -o bin/ ./api-service/cmd/api-service ./dispatcher-service/cmd/dispatcher-service

dist: ## build the files of a release in bin/dist: archives, SBOMs and checksums; VERSION=v0.2.0
	VERSION=$(VERSION) sh deploy/release/binaries.sh bin/dist

images: ## build the images of a release for amd64 and arm64 and push them; REGISTRY=host/namespace VERSION=v0.2.0
	REGISTRY=$(REGISTRY) VERSION=$(VERSION) sh deploy/release/images.sh

check: modules lint ## format, vet, lint, and build every module by itself

fmt: ## format the code
	@for m in $(MODULES); do (cd $$m && $(GOLANGCI) fmt .) || exit 1; done

lint: ## run the linters, the formatter among them
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && $(GOLANGCI) run ./...) || exit 1; done

# go.work hides a missing requirement, so every module has to build without it.
modules: ## build and vet every module outside the workspace, and see that their files are tidy
	@for m in $(MODULES); do echo "build $$m"; (cd $$m && export GOWORK=off && go build ./... && go vet ./... && go mod tidy -diff) || exit 1; done
	@go mod verify
	@before=$$(cat go.work */go.mod | cksum) && go work sync && test "$$before" = "$$(cat go.work */go.mod | cksum)" || { echo "go work sync changed a go.mod: keep the change"; exit 1; }

# A safety limit for each package, which a busy machine does not reach.
TESTTIMEOUT ?= 60m

# SQLite is C that was translated to Go. It uses memory of its own, which the race detector does not watch, and the detector
# makes it 5 to 10 times slower. Everything that calls it is built with the detector. The tests build programs with the same flags.
RACEFLAGS := -buildvcs=false '-gcflags=modernc.org/...=-race=false'

# How many packages are tested at a time: one more than processors, since many tests wait. Those of the module deploy come last, when the
# packages of the programs that they build are compiled. Of them, the one that takes longest begins.
TESTJOBS  ?= $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN))
TESTS     := $(patsubst %,./%/...,$(filter-out deploy,$(MODULES))) ./deploy/e2e ./deploy/...

# `make check` vets, so the tests need not.
test: ## run all tests, on a PostgreSQL and a Redis of their own
	$(SERVERS) env GOFLAGS="$(RACEFLAGS)" go test -race -vet=off -p $(TESTJOBS) -timeout $(TESTTIMEOUT) $(TESTS)
	@$(MAKE) --no-print-directory fuzz FUZZTIME=2000x FUZZBUILD=

# How long one target is fuzzed, as a duration or as a number of inputs such as 1000x.
FUZZTIME ?= 30s

# Each package is built with the fuzzer's instrumentation once, for all its targets. It takes minutes to compile, so `make test` leaves it out
# and changes inputs at random.
FUZZBUILD ?= -fuzz Fuzz

fuzz: ## fuzz all that reads what others write, each parser for FUZZTIME=30s
	@for m in $(MODULES); do (cd $$m && for d in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -r -n 1 dirname | sort -u); do \
		cache=$$(go env GOCACHE)/fuzz/$$(go list $$d) && go test -c -vet=off $(FUZZBUILD) -o $(CURDIR)/bin/fuzz.test $$d || exit 1; \
		(cd $$d && for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9]*' *_test.go | cut -c6-); do \
			echo "fuzz $$m $$d $$target"; \
			$(CURDIR)/bin/fuzz.test -test.paniconexit0 -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir $$cache || exit 1; \
		done) || exit 1; \
	done) || exit 1; done

licences: ## list the modules that the programs are built of, with their licences
	@go run ./deploy/licences/cmd/licences

bench: ## measure Redrive beside what bounds it; ARGS='--quick', '--only drain,asynq-post --json FILE', '--embedded', '--help'
	@go build -o bin/bench ./deploy/bench/cmd/bench
	@exec bin/bench --svg bin/bench.svg $(ARGS)

# With a profile, every package is compiled anew for each program, which takes minutes: the profiles are not in the repository.
pgo: ## build both services into bin/pgo/, optimized by profiles that the benchmark takes
	@go build -o bin/bench ./deploy/bench/cmd/bench
	@bin/bench --only cost --rounds 1 --profiles bin
	go build -ldflags '$(LDFLAGS)' -pgo bin/API.pgo -o bin/pgo/ ./api-service/cmd/api-service
	go build -ldflags '$(LDFLAGS)' -pgo bin/dispatcher.pgo -o bin/pgo/ ./dispatcher-service/cmd/dispatcher-service

performance: ## run the benchmark and put its figures on the page about performance; ARGS as for bench
	@go build -o bin/bench ./deploy/bench/cmd/bench
	@bin/bench --svg bin/bench.svg --json deploy/docs/performance.json $(ARGS)
	@go run ./deploy/docs/cmd/figures deploy/docs/performance.json deploy/docs/performance.md
	@go run ./deploy/docs/cmd/figures deploy/docs/capacity.json pkg/guides/capacity.md deploy/docs/performance.json

screenshots: ## take pictures of every page of the console into bin/screenshots, and those that the README shows
	@rm -rf bin/screenshots
	SCREENS=$(CURDIR)/bin/screenshots $(SERVERS) env CGO_ENABLED=0 go test -count=1 -run '^TestConsole(PagesAreUsable|Pictures)$$' ./deploy/browser

chaos: ## break everything under load and see that nothing is lost; ARGS='--deliveries 2000 --seed 7' sets its size
	@go build -o bin/chaos ./deploy/chaos/cmd/chaos
	@exec bin/chaos $(ARGS)

stack: ## start the containers on a Docker engine, run the end-to-end tests against them and break them; without an engine do nothing
	@go build -o bin/stack ./deploy/containers/cmd/stack
	@exec bin/stack $(ARGS)

nodes: ## break nodes and links of a Redrive with several nodes on a Docker engine; ARGS='--short', '--only postgres-killed-sync', '--help'
	@go build -o bin/nodes ./deploy/chaos/nodes/cmd/nodes
	@exec bin/nodes $(ARGS)

clean: ## remove what was built
	rm -rf bin
