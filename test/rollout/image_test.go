package rollout

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The image is what the chart takes it for, and what the release workflow builds.
func TestImage(t *testing.T) {
	t.Parallel()
	dockerfile := read(t, "../../Dockerfile")
	workflow := read(t, "../../.github/workflows/release.yml")
	unmarshal(t, workflow, new(any))
	var declared []string
	for _, line := range regexp.MustCompile(`(?m)^ARG (.+)$`).FindAllStringSubmatch(dockerfile, -1) {
		for argument := range strings.FieldsSeq(line[1]) {
			name, _, _ := strings.Cut(argument, "=")
			declared = append(declared, name)
		}
	}
	for _, text := range []string{dockerfile, workflow} {
		arguments := regexp.MustCompile(`--build-arg (\w+)=`).FindAllStringSubmatch(text, -1)
		if len(arguments) < 3 {
			t.Errorf("only %d build arguments", len(arguments))
		}
		for _, argument := range arguments {
			if !slices.Contains(append(declared, "SOURCE_DATE_EPOCH"), argument[1]) { // which BuildKit knows by itself
				t.Errorf("there is no argument %s", argument[1])
			}
		}
	}
	for _, line := range regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?(\S+)`).FindAllStringSubmatch(dockerfile, -1) {
		if !regexp.MustCompile(`^\$\{\w+_REGISTRY\}/\$\{\w+_IMAGE\}$`).MatchString(line[1]) {
			t.Errorf("%s names a registry, or an image without one", line[1])
		}
	}
	want := []string{"CGO_ENABLED=0", "-trimpath -buildvcs=false", `-ldflags "-s -w -buildid= -X main.version=$VERSION"`}
	for _, flag := range want {
		for file, text := range map[string]string{"Dockerfile": dockerfile, "deploy/release/build": read(t, "../../deploy/release/build")} {
			if !strings.Contains(text, flag) {
				t.Errorf("%s builds without %s", file, flag)
			}
		}
	}
	user := regexp.MustCompile(`(?m)^USER (\d+):\d+$`).FindStringSubmatch(dockerfile)
	if user == nil || !strings.Contains(read(t, "../chart/testdata/irsa.yaml"), "runAsUser: "+user[1]) {
		t.Errorf("the image is user %v, and the chart another", user)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../../go.mod"))
	if !strings.Contains(dockerfile, "golang:"+version[1]+"\n") {
		t.Errorf("go.mod is for Go %s, and the image is not built with it", version[1])
	}
	for _, target := range regexp.MustCompile(`make ([a-z-]+)`).FindAllStringSubmatch(workflow, -1) {
		if !strings.Contains(read(t, "../../Makefile"), "\n"+target[1]+":") {
			t.Errorf("there is no target %s", target[1])
		}
	}
}
