# The steps of a release. The workflow only calls these targets; each can be tried on any machine.
HELM ?= helm
TAG ?=
REPOSITORY ?= ghcr.io/netproof
PLATFORMS ?= linux/amd64,linux/arm64
REVISION := $(shell git rev-parse HEAD 2>/dev/null)

release: .venv/tests ## write VERSION and the date into all files that contain them
	$(BIN)/python -m release.prepare $(VERSION)

release-check: .venv/tests ## list what is missing for a release from this checkout (TAG: also compare with this tag)
	$(BIN)/python -m release.check $(TAG)

dist: .venv/tests ## build the wheel, the source archive and the chart in dist/
	rm -rf dist/netproof-*
	$(BIN)/hatchling build -d dist
	$(BIN)/python tests/tools/helm.py >/dev/null # the Helm of the tests, whose hash is checked
	.tools/helm-4/helm package chart -d dist

notes: .venv/tests ## write the changes of this version to dist/notes.md
	@mkdir -p dist
	$(BIN)/python -m release.notes > dist/notes.md

push-image: ## build for both architectures, push with SBOM and provenance, and sign
	@mkdir -p dist
	docker buildx build --platform $(PLATFORMS) --sbom=true --provenance=mode=max --push \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  --metadata-file dist/image.json -t $(REPOSITORY)/netproof:$(VERSION) .
	cosign sign --yes $(REPOSITORY)/netproof@$$(sed -n 's/.*"containerimage.digest": "\(.*\)".*/\1/p' dist/image.json)

push-chart: ## push the chart in dist/, and sign
	$(HELM) push dist/netproof-$(VERSION).tgz oci://$(REPOSITORY)/charts > dist/chart.txt 2>&1 || { cat dist/chart.txt; exit 1; }
	cosign sign --yes $(REPOSITORY)/charts/netproof@$$(sed -n 's/^Digest: //p' dist/chart.txt)

push-owner: ## register the chart's owner at Artifact Hub (once, and after a change of chart/artifacthub-repo.yml)
	oras push $(REPOSITORY)/charts/netproof:artifacthub.io \
	  --config /dev/null:application/vnd.cncf.artifacthub.config.v1+yaml \
	  chart/artifacthub-repo.yml:application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml

push-release: ## create the release on GitHub from dist/
	gh release create $(TAG) --verify-tag --title "netproof $(VERSION)" --notes-file dist/notes.md \
	  dist/netproof-$(VERSION)*

.PHONY: release release-check dist notes push-image push-chart push-owner push-release
