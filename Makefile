# Raksha is built and tested with Go, Node and git; what else the tests need, `make test` installs from Debian.
#
#   make build      bin/raksha
#   make demo       the whole story on this machine
#   make check      format, vet, generated pages, quick tests: before each commit
#   make test       everything, on SQLite and on PostgreSQL, and the pages in a browser
#   make test-long  every fuzz target for a while, nodes killed while they write and while reports are filed, a million equal hashes, and
#                   every way in which a line breaks while a report is filed elsewhere
#   make bench      measurements
#   make sbom       bin/raksha.cdx.json: what the binary consists of, and what tests it (CycloneDX)

# The one set of build flags, for every command: another set would compile all dependencies again. nodynamic keeps the decoders of
# webp, avif and heic from loading system libraries into the process that reads hostile bytes; without cgo the binary is static.
export GOFLAGS := -buildvcs=false -tags=nodynamic
export CGO_ENABLED := 0

.PHONY: build fonts demo check test test-long bench setup sbom

build: fonts
	@mkdir -p bin
	go build -o bin/raksha ./cmd/raksha

# The fonts in which documents are printed go into the program; without them it says so when it is asked for a PDF.
fonts:
	@bash web/fonts.sh

demo: build
	bin/raksha demo

check: fonts
	bash test/setup/check.sh
	go test -short ./...

setup:
	@bash test/setup/install.sh

test: setup fonts
	go vet ./...
	test/setup/postgres.sh go test ./...
	@$(MAKE) --no-print-directory build
	cd test/clients && node --test
	cd test/browser && node --test

sbom: build
	go run ./deploy/sbom -o bin/raksha.cdx.json bin/raksha $(wildcard web/*/package-lock.json test/*/package-lock.json)

test-long: setup fonts
	bash test/setup/fuzz.sh
	RAKSHA_LONG=1 test/setup/postgres.sh go test -count=1 -timeout=16m -v ./test/kill/
	RAKSHA_LONG=1 go test -count=1 -run='TestOddLists|TestBrokenLine' ./internal/api/ ./internal/filing/

bench: build
	bash bench/run.sh
