# What a developer runs and what CI runs is the same: .ci/run is
# `make check test fuzz e2e-node`. Needed are Go, Python 3 and git; for SPIRE and the race
# detector a C compiler, too.

SPIFFE   ?= dev
KEEP     ?=
FUZZTIME ?= 10s
# Without a C compiler there is no race detector.
RACE     ?= $(if $(shell command -v "$$(go env CC)" 2>/dev/null),-race)

# The modules with code of ours. The others under hack/tools only pin what others wrote.
MODULES  := . examples/custom-mutator examples/kubewaf examples/policy-mutator examples/route-filter hack/tools/apidiff hack/tools/image
# The packages whose API docs/compatibility.md promises.
PROMISED := $(addprefix ./pkg/,apis/v1alpha1 attach catalog cli feature httpfilter mutator mutator/mutatortest policy setting xds)
APIDIFF  := go -C hack/tools/apidiff run . --root $(CURDIR)
PARTS    := envoy envoy-gateway spire apiserver helm
TOOL     := $(CURDIR)/hack/tool.sh
EACH     := set -e; for module in $(MODULES); do cd $(CURDIR)/$$module;

.DEFAULT_GOAL := help
.PHONY: help build image unit test e2e e2e-here e2e-node e2e-kind parts alerts demo lint fmt generate tidy api api-diff check fuzz soak bench bench-memory bench-gateway plot man clean

help: ## list the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

build: ## build bin/egraft, a static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/egraft ./cmd/egraft

image: ## build images of egraft and of a backend to try it with, as tarballs in bin
	hack/image.sh $(IMAGE)

unit: ## run the tests that need no Envoy, Envoy Gateway or SPIRE
	@$(EACH) go test $(RACE) ./...; done

test: parts alerts ## run all tests but those in a cluster
	@$(EACH) go test $(RACE) -tags e2e -timeout 40m ./...; done

e2e: ## run the scenarios in all three environments below, as far as this machine has them
	hack/e2e.sh $(RACE)

e2e-here: parts ## run the scenarios on the real Envoy, Envoy Gateway and SPIRE, as processes
	go test $(RACE) -tags e2e -timeout 40m -count 1 -v ./e2e

e2e-node: ## run those for a cluster on a node made of Kubernetes' programs, as root
	EGRAFT_E2E=node go test $(RACE) -tags e2e -timeout 30m -count 1 -v ./e2e -run '^TestCluster$$'

e2e-kind: ## run those for a cluster in kind; needs Docker, kind, kubectl and Helm
	e2e/kind.sh $(RACE)

parts: ## obtain Envoy, Envoy Gateway and SPIRE, once
	go run ./e2e/cmd/parts $(PARTS)

demo: ## show the main job; SPIFFE=spire takes the real SPIRE, KEEP=1 leaves it running
	go run ./e2e/cmd/demo -spiffe $(SPIFFE) $(if $(KEEP),-keep)

lint: ## run the linters of .golangci.yml
	@$(EACH) $(TOOL) golangci-lint run ./...; done

alerts: ## test the alert rules with promtool
	cd deploy/monitoring/alerts && $(TOOL) promtool test rules rules_test.yaml

fmt: ## format the code
	@$(EACH) $(TOOL) golangci-lint fmt ./...; done

generate: ## write deep copies, CRDs, what the program says in docs and deploy, and the list of Envoy's messages
	$(TOOL) controller-gen object paths=./pkg/apis/... crd output:crd:dir=crds
	cd examples/policy-mutator && $(TOOL) controller-gen crd paths=./retrybudget output:crd:dir=config
	cd examples/route-filter && $(TOOL) controller-gen crd paths=./staticdelay output:crd:dir=config
	go test ./pkg/cli -run '^TestDocuments$$' -update
	go test ./deploy -run '^TestValuesAreEgrafts$$' -update
	go test ./deploy -run '^TestPrometheusRule$$' -update-rules
	go test ./pkg/mutator/mutatortest -run '^TestEnvoysMessages$$' -update
	go test ./internal/envoyapi -run '^TestDescriptors$$' -update
	go test ./internal/finding -run '^TestPage$$' -update

tidy: ## tidy go.mod and go.sum
	@$(EACH) go mod tidy; done

api: ## record the exported API of the packages that docs/compatibility.md promises
	@$(APIDIFF) --write $(PROMISED)

api-diff: ## compare the exported API with what is recorded in docs/api
	@$(APIDIFF) $(PROMISED)

check: ## generate, tidy, format, lint and compare the API; fail if that finds or changes anything
	hack/check.sh

fuzz: ## run each fuzz target for FUZZTIME, 10s if it is not set
	hack/fuzz.sh $(FUZZTIME)

soak: ## serve an hour's worth of calls in a minute, and with the race detector once more
	EGRAFT_SOAK=1m go test ./pkg/cli -run '^TestSoak$$' -count 1 -v
	EGRAFT_SOAK=1m go test $(RACE) ./pkg/cli -run '^TestSoak$$' -count 1 -v

bench: build ## compare egraft with other ways to serve, SIZES=1,100,1000,10000,50000, CASES=all; JOURNAL=1 with egraft without its journal, ROUNDS=10; numbers in bin/bench.json
	@mkdir -p bin
	go build -o bin/bench ./hack/bench
	bin/bench -egraft bin/egraft $(if $(SIZES),-sizes $(SIZES)) $(if $(CASES),-cases "$(CASES)") $(if $(JOURNAL),-journal) $(if $(ROUNDS),-rounds $(ROUNDS)) -out bin/bench.json

bench-memory: build ## watch egraft's memory over 10,000 calls of 10,000 clusters, CHANGED=10000 of them new in each (hours; with 100 minutes)
	@mkdir -p bin
	go build -o bin/bench ./hack/bench
	bin/bench -egraft bin/egraft -sizes 10000 -soak 10000 $(if $(CHANGED),-changed $(CHANGED))

bench-gateway: build ## compare the real Envoy Gateway with and without egraft, ROUTES=100,1000; numbers in bin/bench-gateway.json
	go build -o bin/bench-gateway ./hack/benchgateway
	bin/bench-gateway -egraft bin/egraft $(if $(ROUTES),-sizes $(ROUTES)) -out bin/bench-gateway.json

plot: ## make the plots and tables of docs/performance.md out of what bench and bench-gateway measured
	go run ./hack/plot -from bin

man: ## write man pages to bin/man1
	go run ./cmd/egraft man bin/man1

clean: ## remove what was built here; parts and tools stay in the user's caches
	rm -rf bin
