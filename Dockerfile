# The image of managedcasd: one static program on a base without a shell, as a user that is not
# root. No registry is named here; say where your copies of the two images are, by digest for an
# image that is the same whenever it is built:
#
#   docker buildx build --platform linux/amd64,linux/arm64 \
#     --build-arg GO_REGISTRY=registry.example --build-arg BASE_REGISTRY=registry.example \
#     --build-arg VERSION=v1.2.3 --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) \
#     --sbom=true --provenance=mode=max --output type=image,name=…,push=true,rewrite-timestamp=true .
ARG GO_REGISTRY
ARG GO_IMAGE=golang:1.26
ARG BASE_REGISTRY
ARG BASE_IMAGE=distroless/static:nonroot

FROM --platform=$BUILDPLATFORM ${GO_REGISTRY}/${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
COPY proto proto
ARG TARGETOS TARGETARCH VERSION=dev
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X main.version=$VERSION" -o /out/managedcasd ./cmd/managedcasd

FROM ${BASE_REGISTRY}/${BASE_IMAGE}
COPY --from=build /out/managedcasd /usr/local/bin/managedcasd
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/managedcasd"]
