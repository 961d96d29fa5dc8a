# CI runs what a developer can run: .ci/run is `make check site test fuzz e2e-node WHOLE=1`.
# You need Go, Python 3 and git, and a C compiler for SPIRE and the race detector.

SPIFFE   ?= dev
KEEP     ?=
RECORDED ?=
WHOLE    ?=
FUZZTIME ?= 10s
# The race detector needs a C compiler.
RACE     ?= $(if $(shell command -v "$$(go env CC)" 2>/dev/null),-race)

# The modules with code of this project. The others under hack/tools only pin third-party programs.
MODULES  := . examples/custom-mutator examples/kubewaf examples/policy-mutator examples/route-filter hack/tools/apidiff hack/tools/image
# The packages whose API docs/compatibility.md promises.
PROMISED := $(addprefix ./pkg/,apis/v1alpha1 attach catalog cli e2etest feature httpfilter mutator mutator/mutatortest policy setting xds)
APIDIFF  := go -C hack/tools/apidiff run . --root $(CURDIR)
PARTS    := envoy envoy-gateway $(if $(WHOLE),helm kubectl) spire apiserver
TOOL     := $(CURDIR)/hack/tool.sh
EACH     := set -e; for module in $(MODULES); do cd $(CURDIR)/$$module;

.DEFAULT_GOAL := help
.PHONY: help build image unit test e2e e2e-here e2e-node e2e-kind e2e-kind-offline matrix parts alerts demo lint fmt generate tidy api api-diff check fuzz soak bench bench-policies bench-explain bench-memory bench-gateway plot site release man clean

help: ## list the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

build: ## build bin/egraft, a static binary
	hack/build.sh bin/egraft ./cmd/egraft

image: ## build images of egraft and of a backend to try it with, as tarballs in bin
	hack/image.sh $(IMAGE)

unit: ## run the tests that need no Envoy, Envoy Gateway or SPIRE
	@$(EACH) go test $(RACE) ./...; done

# Without the race detector, tests are compiled with the flags of Envoy Gateway and egraft, which share
# most packages, and without DWARF. `make check` vets all packages.
TESTENV  := $(if $(WHOLE),,CGO_ENABLED=0 GOFLAGS="$(shell go env GOFLAGS) -trimpath -tags=grpcnotrace -gcflags=all=-dwarf=false -ldflags=-w")

matrix: ## run the compatibility matrix and write its table; ONLY="Envoy Gateway 1.8.0,defaults" for some rows
	@$(TESTENV) go run ./hack/matrix $(if $(ONLY),-only "$(ONLY)")

test: ## run the tests, and the core scenarios on the real parts; WHOLE=1 runs all but those in a cluster, with the race detector, and the tests of the alert rules
	@$(TESTENV) go run ./hack/testall -modules "$(MODULES)" -parts "$(PARTS)" $(if $(WHOLE),-whole -then "make --no-print-directory alerts") -- -vet=off $(if $(WHOLE),$(RACE),-short)

e2e: ## run the scenarios in those of the three environments below that this machine supports
	hack/e2e.sh $(RACE)

e2e-here: parts ## run the scenarios on the real Envoy, Envoy Gateway and SPIRE, as processes
	go test $(RACE) -tags e2e,grpcnotrace -timeout 60m -count 1 -v ./e2e

e2e-node: ## run the cluster scenarios on a node made of Kubernetes' programs, as root
	EGRAFT_E2E=node go test $(RACE) -tags e2e,grpcnotrace -timeout 30m -count 1 -v ./e2e -run '^TestCluster$$'

e2e-kind: ## run the cluster scenarios in kind; needs Docker, kind, kubectl and Helm
	e2e/kind.sh $(RACE)

e2e-kind-offline: ## the same without access to a registry, with a node image built here; needs root and Debian
	e2e/kindnode/run.sh e2e/kind.sh $(RACE)

parts: ## obtain Envoy, Envoy Gateway, SPIRE, the API server, kubectl and Helm, once
	go run ./e2e/cmd/parts envoy envoy-gateway helm kubectl spire apiserver

# The flags are those of the builds that the demo starts, so that nothing is compiled twice.
demo: ## show BackendMTLSPolicy on the real Envoy; SPIFFE=spire uses the real SPIRE, RECORDED=1 also shows the recorded calls, KEEP=1 keeps it running
	@CGO_ENABLED=0 go run -trimpath -gcflags=all=-dwarf=false ./e2e/cmd/demo -spiffe $(SPIFFE) $(if $(RECORDED),-recorded) $(if $(KEEP),-keep)

lint: ## run the linters of .golangci.yml
	@$(EACH) $(TOOL) golangci-lint run ./...; done

alerts: ## test the alert rules with promtool
	cd deploy/monitoring/alerts && $(TOOL) promtool test rules rules_test.yaml

fmt: ## format the code
	@$(EACH) $(TOOL) golangci-lint fmt ./...; done

generate: ## write deep copies, CRDs, generated parts of docs and deploy, and the list of Envoy's messages
	$(TOOL) controller-gen object paths=./pkg/apis/... crd output:crd:dir=crds
	cd examples/policy-mutator && $(TOOL) controller-gen crd paths=./retrybudget output:crd:dir=retrybudget
	cd examples/route-filter && $(TOOL) controller-gen crd paths=./staticdelay output:crd:dir=staticdelay
	go test ./pkg/cli -run '^TestDocuments$$' -update
	go test ./deploy -run '^TestValuesAreEgrafts$$' -update
	go test ./deploy -run '^TestPrometheusRule$$' -update-rules
	go test ./pkg/mutator/mutatortest -run '^TestEnvoysMessages$$' -update
	go test ./internal/envoyapi -run '^TestDescriptors$$' -update
	go test ./internal/finding -run '^TestPage$$' -update
	go test ./pkg/mutator -run '^TestHooksPage$$' -update-hooks
	go test ./e2e/parts -run '^TestPinned$$' -update

tidy: ## tidy go.mod and go.sum
	@$(EACH) go mod tidy; done

api: ## record the exported API of the packages that docs/compatibility.md promises
	@$(APIDIFF) --write $(PROMISED)

api-diff: ## compare the exported API with what is recorded in docs/api
	@$(APIDIFF) $(PROMISED)

check: ## generate, tidy, format, lint and compare the API; fail if a step reports or changes anything
	hack/check.sh

fuzz: ## run each fuzz target for FUZZTIME, 10s if it is not set
	hack/fuzz.sh $(FUZZTIME)

soak: ## serve an hour's worth of calls in a minute, and again with the race detector
	EGRAFT_SOAK=1m go test ./pkg/cli -run '^TestSoak$$' -count 1 -v
	EGRAFT_SOAK=1m go test $(RACE) ./pkg/cli -run '^TestSoak$$' -count 1 -v

bench: build ## compare egraft with other ways to serve, SIZES=1,100,1000,10000,50000, CASES=all; JOURNAL=1 with egraft without its journal, BEFORE=binary also with another egraft, ROUNDS=10; numbers in bin/bench.json
	@mkdir -p bin
	go build -o bin/bench ./hack/bench
	bin/bench -egraft bin/egraft $(if $(SIZES),-sizes $(SIZES)) $(if $(CASES),-cases "$(CASES)") $(if $(JOURNAL),-journal) $(if $(BEFORE),-before $(BEFORE)) $(if $(ROUNDS),-rounds $(ROUNDS)) -out bin/bench.json

bench-policies: build ## measure egraft with an XDSPatchPolicy on all of SIZES=10000 clusters beside a built-in policy, ROUNDS=16; numbers in bin/bench-policies.json
	go build -o bin/bench ./hack/bench
	bin/bench -egraft bin/egraft -policies $(if $(SIZES),-sizes $(SIZES),-sizes 10000) $(if $(ROUNDS),-rounds $(ROUNDS),-rounds 16) -out bin/bench-policies.json

bench-explain: build ## measure egraft explain and record on a call of SIZES=10000 clusters, from start to end, ROUNDS=10
	go build -o bin/bench ./hack/bench
	bin/bench -egraft bin/egraft -explain $(if $(SIZES),-sizes $(SIZES),-sizes 10000) $(if $(ROUNDS),-rounds $(ROUNDS))

bench-memory: build ## watch egraft's memory over 10,000 calls of 10,000 clusters, CHANGED=10000 of them new in each (hours; with 100 minutes)
	@mkdir -p bin
	go build -o bin/bench ./hack/bench
	bin/bench -egraft bin/egraft -sizes 10000 -soak 10000 $(if $(CHANGED),-changed $(CHANGED))

bench-gateway: build ## compare the real Envoy Gateway with and without egraft, ROUTES=100,1000; numbers in bin/bench-gateway.json
	go build -o bin/bench-gateway ./hack/benchgateway
	bin/bench-gateway -egraft bin/egraft $(if $(ROUTES),-sizes $(ROUTES)) -out bin/bench-gateway.json

plot: ## make the plots and tables of docs/performance.md from the measurements of bench and bench-gateway
	go run ./hack/plot -from bin

site: ## build the documentation as a site in bin/site; fail on broken links
	hack/site/build.sh

release: ## build the files of a release in bin/release; VERSION=v0.1.0 is its tag
	hack/release.sh $(VERSION)

man: ## write man pages to bin/man1
	go run ./cmd/egraft man bin/man1

clean: ## remove build output; parts and tools stay in the user's caches
	rm -rf bin
