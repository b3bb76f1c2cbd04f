# Portcullis. `make help` says what there is. Everything that is built or
# installed goes into .build and .aws-sam, which `make clean` removes.

SHELL := /bin/sh
.DEFAULT_GOAL := help

FUNCTIONS := $(notdir $(patsubst %/,%,$(wildcard functions/*/)))

# How a function is compiled, by hand and by SAM alike: static, without paths,
# version control stamps and symbols, so that equal sources give equal bytes.
# lambda.norpc leaves out what only the retired go1.x runtime used, and
# nethttpomithttp2 a protocol that none of the services called here speaks.
# The platform is not set here: tests run what `make functions` compiles, so that
# is for this machine. SAM sets Linux and the template's architecture by itself,
# which `make sam-build` checks.
LAMBDA_BUILD := CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath -tags=lambda.norpc,nethttpomithttp2 '-ldflags=-s -w -buildid='"

SAM := infra/tools/sam

TEMPLATES := template.yaml infra/storage.yaml infra/identity.yaml infra/firewall.yaml infra/alarms.yaml infra/account.yaml

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: need-go ## Serve the whole API on 127.0.0.1:8480, without AWS (ARGS="-help" lists its flags)
	@go build -o .build/bin/local ./infra/local
	@exec .build/bin/local $(ARGS)

.PHONY: run-functions
run-functions: need-go ministack functions ## Serve the compiled Lambda functions instead, on AWS's interfaces emulated here
	@go build -o .build/bin/local ./infra/local
	@go build -o .build/bin/ministack ./infra/ministack
	@exec .build/bin/ministack -venv .build/ministack -- .build/bin/local -functions .build/functions $(ARGS)

.PHONY: sam-local
sam-local: need-go ministack sam-build ## Serve what SAM builds by "sam local start-api" on 127.0.0.1:3000; needs Docker
	@go build -o .build/bin/local ./infra/local
	@go build -o .build/bin/ministack ./infra/ministack
	@go build -o .build/bin/samlocal ./infra/samlocal
	@exec .build/bin/ministack -venv .build/ministack -- .build/bin/samlocal $(ARGS)

.PHONY: sam-local-test
sam-local-test: need-go ministack sam-build ## Drive what SAM builds through a lock and an unlock, under "sam local" too
	@infra/tools/sam-local-test

.PHONY: test
test: need-go ministack sam functions axe ## Run every test, with AWS's interfaces on this machine
	@infra/tools/test $(ARGS)

# How long each fuzz target runs.
FUZZTIME ?= 1m

.PHONY: fuzz
fuzz: need-go ## Look for inputs that break a decoder, a minute for each (or FUZZTIME=20s)
	@infra/tools/fuzz $(FUZZTIME)

DURATION ?= 10m

.PHONY: soak
soak: need-go ministack functions ## Attack both worlds, kill and fault them, and want every answer explained (DURATION=1m)
	@go build -o .build/bin/local ./infra/local
	@go build -o .build/bin/ministack ./infra/ministack
	@go build -o .build/bin/soak ./infra/soak
	@exec .build/bin/ministack -venv .build/ministack -- .build/bin/soak -duration $(DURATION) $(ARGS)

.PHONY: conformance
conformance: need-go ## Try a server for what lockout products get wrong: make conformance URL=http://127.0.0.1:8480
	@go build -o .build/bin/conformance ./infra/conformance
	@exec .build/bin/conformance $(if $(URL),-url '$(URL)') $(ARGS)

.PHONY: proof
proof: need-go ministack ## Explore the rule as far as it goes, find every mutant of it, and try far more random cases (about 15 minutes)
	@go test -count=1 -v -timeout 3h -run '^TestEvery(InterleavingKeepsTheRule|MutantOfTheRuleIsFound)$$' ./internal/lockout -args -proof
	@go build -o .build/bin/ministack ./infra/ministack
	@RAPID_CHECKS=1000 .build/bin/ministack -venv .build/ministack -- go test -count=1 -v -timeout 1h -run 'Property|Linearizable' ./internal/lockouttest ./internal/embedded ./internal/attempts ./internal/users

.PHONY: screenshots
screenshots: need-go ## Take pictures of the console's pages into .build/screenshots
	@go test -count=1 -v -run '^TestPictures$$' ./infra/browser -args -pictures

.PHONY: bench
bench: need-go ministack functions bench-go ## Measure logins and all else against the bare hash, in both worlds (ARGS="-quick" for a look, "-help" for the flags)
	@go build -o .build/bin/local ./infra/local
	@go build -o .build/bin/ministack ./infra/ministack
	@go build -o .build/bin/bench ./infra/bench
	@exec .build/bin/ministack -venv .build/ministack -- .build/bin/bench -go .build/bench/go.txt $(ARGS)

# How often each Go benchmark runs; benchstat wants six and more.
COUNT ?= 6

.PHONY: bench-go
bench-go: need-go ## Run the Go benchmarks of the pure parts, for benchstat, into .build/bench/go.txt
	@mkdir -p .build/bench
	@go test -run '^$$' -bench . -benchmem -benchtime 200ms -count $(COUNT) ./internal/... ./infra/bench | tee .build/bench/go.txt
	@! grep '^FAIL' .build/bench/go.txt

.PHONY: bench-console
bench-console: need-go ## Measure how soon the console is painted, and whether it stays smooth
	@go test -run '^$$' -bench '^Benchmark(Paint|TenThousandUsers)$$' -benchtime 5x ./infra/browser

.PHONY: bench-cold
bench-cold: need-go ministack functions ## Measure what the functions cost before their first event (ARGS="-help" lists its flags)
	@$(LAMBDA_BUILD) go build -o .build/coldstart/empty/bootstrap ./infra/bench/coldstart/empty
	@go build -o .build/bin/local ./infra/local
	@go build -o .build/bin/ministack ./infra/ministack
	@go build -o .build/bin/coldstart ./infra/bench/coldstart
	@exec .build/bin/ministack -venv .build/ministack -- .build/bin/coldstart $(ARGS)

.PHONY: bench-peers
bench-peers: need-go ## Measure Portcullis beside HashiCorp Vault and django-axes, which it installs first (ARGS=-quick: 3 minutes)
	@infra/tools/venv .build/django infra/bench/peers/django/requirements.txt
	@infra/tools/vault .build/bin/vault
	@go build -o .build/bin/local ./infra/local
	@go build -o .build/bin/peers ./infra/bench/peers
	@exec .build/bin/peers $(ARGS)

.PHONY: functions
functions: need-go ## Compile the Lambda functions to .build/functions/NAME/bootstrap
	@test -n "$(FUNCTIONS)" || { echo "portcullis: no folder in functions/" >&2; exit 1; }
	@for name in $(FUNCTIONS); do \
		$(LAMBDA_BUILD) go build -o .build/functions/$$name/bootstrap ./functions/$$name || exit 1; \
	done

.PHONY: lint
lint: need-go sam checkov ## Check the format, the code, the modules and the templates
	@unformatted=$$(gofmt -l functions infra internal) || exit 1; \
		test -z "$$unformatted" || { echo "portcullis: gofmt would change:" >&2; echo "$$unformatted" >&2; exit 1; }
	go vet ./...
	GOOS=darwin go vet ./...
	go tool staticcheck ./...
	go mod verify
	go mod tidy -diff
	for template in $(TEMPLATES); do \
		$(SAM) validate --lint --template $$template || exit 1; \
	done
	@mkdir -p .build/expanded/infra && cp infra/*.yaml .build/expanded/infra/
	infra/tools/expand template.yaml >.build/expanded/template.json
	# W2001 is a parameter that nothing uses, as are those that SAM has used up in the
	# expansion; W3002 a path of this machine, which the nested templates have until they are packaged.
	.build/sam/bin/cfn-lint --ignore-checks W2001 W3002 -- .build/expanded/template.json
	.build/checkov/bin/checkov --config-file infra/tools/checkov.yaml --file $(TEMPLATES)

.PHONY: grants
grants: need-go ## Write the table of who may touch what into README.md, from template.yaml
	go test -count=1 -run '^TestTheReadmeTellsWhatTheTemplateGrants$$' ./infra -args -update

.PHONY: sam-build
sam-build: need-go sam functions ## Build what `sam deploy` deploys, into .aws-sam/build
	$(LAMBDA_BUILD) $(SAM) build
	go test -count=1 -run '^TestEach(BootstrapIsItsFunction|RoleAllowsWhatItsCodeCalls)$$' ./infra -args -builds ../.aws-sam/build

# What follows asks an AWS account: the one that your environment names.
STAGE ?= dev

.PHONY: account
account: sam ## Let API Gateway write logs; once per AWS account and region
	$(SAM) deploy --template-file infra/account.yaml --stack-name portcullis-account --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset

.PHONY: secrets
secrets: ## Make the secrets of a stage: make secrets STAGE=dev (REPLACE=token-secret replaces one)
	@infra/tools/secrets '$(STAGE)' $(REPLACE)

.PHONY: deploy
deploy: sam-build ## Deploy a stage of samconfig.toml to AWS: make deploy STAGE=dev
	@infra/tools/deploy '$(STAGE)'

.PHONY: provision
provision: ## Create a client and its first Sysadmin: make provision CLIENT=acme STAGE=dev
	@infra/tools/provision '$(STAGE)' $(CLIENT)

.PHONY: clean
clean: ## Remove everything that was built or installed here
	rm -rf .build .aws-sam

.PHONY: need-go
need-go:
	@infra/tools/need go

.PHONY: ministack
ministack:
	@infra/tools/venv .build/ministack infra/ministack/requirements.txt

.PHONY: axe
axe:
	@infra/tools/axe

.PHONY: checkov
checkov:
	@infra/tools/venv .build/checkov infra/tools/requirements-checkov.txt

.PHONY: sam
sam:
	@infra/tools/venv .build/sam infra/tools/requirements-sam.txt
