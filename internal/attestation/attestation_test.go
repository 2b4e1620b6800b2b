package attestation_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/attestation"
	"github.com/managedcas/managedcas/internal/digest"
)

const predicateType = "chainloop.dev/attestation/v0.2"

func bundle(payloadType, statement string) string {
	return `{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.3","verificationMaterial":{},"dsseEnvelope":{"payload":"` +
		base64.StdEncoding.EncodeToString([]byte(statement)) + `","payloadType":"` + payloadType + `","signatures":[{"sig":"c2ln"}]}}`
}

func statement(predicateType, predicate string) string {
	return `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"s"}],"predicateType":"` + predicateType + `","predicate":` + predicate + `}`
}

func TestParseBundle(t *testing.T) {
	t.Parallel()
	stored, inline := digest.Of([]byte("stored")), digest.Of([]byte("inline"))
	material := func(d digest.Digest, annotation string) string {
		return `{"name":"m","digest":{"sha256":"` + d.Hex() + `"},"annotations":{"chainloop.material.type":"ARTIFACT"` + annotation + `}}`
	}
	got, err := attestation.ParseBundle([]byte(bundle("application/vnd.in-toto+json", statement(predicateType, `{"metadata":{"workflowRunID":"the-run"},"materials":[`+
		strings.Join([]string{
			material(stored, `,"chainloop.material.cas":true`), material(stored, `,"chainloop.material.cas":true`),
			material(inline, `,"chainloop.material.cas.inline":true`), material(inline, `,"chainloop.material.cas":false`), `{"name":"text"}`,
		}, ",")+`]}`))))
	if err != nil || got.Run != "the-run" || got.PredicateType != predicateType || !slices.Equal(got.Uploaded, []digest.Digest{stored}) {
		t.Errorf("%+v, %v", got, err)
	}
	other, err := attestation.ParseBundle([]byte(bundle("application/vnd.in-toto+json", statement("https://slsa.dev/provenance/v1", `[]`))))
	if err != nil || other.Run != "" || other.Uploaded != nil {
		t.Errorf("another predicate: %+v, %v", other, err)
	}
}

func TestParseBundleRefuses(t *testing.T) {
	t.Parallel()
	const intoto = "application/vnd.in-toto+json"
	good := bundle(intoto, statement(predicateType, `{}`))
	if _, err := attestation.ParseBundle([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":                 "",
		"no object":               `[]`,
		"more than one":           good + good,
		"another media type":      strings.Replace(good, "vnd.dev.sigstore.bundle", "json", 1),
		"no verificationMaterial": strings.Replace(good, "verificationMaterial", "material", 1),
		"no envelope":             strings.Replace(good, "dsseEnvelope", "messageSignature", 1),
		"another payload":         bundle("text/plain", statement(predicateType, `{}`)),
		"payload not base64":      strings.Replace(good, `"payload":"`, `"payload":"%`, 1),
		"no signatures":           strings.Replace(good, `{"sig":"c2ln"}`, ``, 1),
		"an empty signature":      strings.Replace(good, `c2ln`, ``, 1),
		"no statement":            bundle(intoto, `{}`),
		"no JSON in it":           bundle(intoto, `hello`),
		"about nothing":           bundle(intoto, strings.Replace(statement(predicateType, `{}`), `{"name":"s"}`, ``, 1)),
		"no predicateType":        bundle(intoto, statement("", `{}`)),
		"a long predicateType":    bundle(intoto, statement(strings.Repeat("x", 257), `{}`)),
		"a NUL in it":             bundle(intoto, statement(`p\u0000`, `{}`)),
		"a subject that is none":  bundle(intoto, strings.Replace(statement(predicateType, `{}`), `{"name":"s"}`, `1`, 1)),
		"no predicate":            bundle(intoto, statement(predicateType, `"text"`)),
		"a material's digest":     bundle(intoto, statement(predicateType, `{"materials":[{"digest":{"sha256":"../x"},"annotations":{"chainloop.material.cas":true}}]}`)),
	} {
		if _, err := attestation.ParseBundle([]byte(text)); !errors.Is(err, attestation.ErrBundle) {
			t.Errorf("%s: %v", name, err)
		} else if len(err.Error()) > 400 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
}

func TestParseContract(t *testing.T) {
	t.Parallel()
	const good = "apiVersion: chainloop.dev/v1\nkind: Contract\nmetadata:\n  name: release\nspec:\n  materials: []\n"
	for name, text := range map[string]string{
		"release": good,
		"build":   attestation.EmptyContract("build"),
		"full":    strings.Replace(good, "release", "full", 1) + "# " + strings.Repeat("x", attestation.MaxContractBytes-len(good)+len("release")-len("full")-2),
	} {
		c, err := attestation.ParseContract([]byte(text))
		if err != nil || c.Name != name || c.JSON != strings.HasPrefix(text, "{") {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":       "",
		"too large":     good + "# " + strings.Repeat("x", attestation.MaxContractBytes-len(good)-1),
		"first form":    "schemaVersion: v1\n",
		"CUE":           "schemaVersion: \"v1\"\nmaterials: [...{type: string & =~\"x\"}]",
		"two documents": good + "---\n" + good,
		"another kind":  strings.Replace(good, "Contract", "Policy", 1),
		"a bad name":    strings.Replace(good, "release", "Re_lease", 1),
		"no spec":       strings.Split(good, "spec")[0],
		"NUL":           good + "# \x00",
		"no UTF-8":      good + "# \xff",
		"aliases":       good + "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nspec: *f\n",
		"broken JSON":   `{"apiVersion":`,
	} {
		if _, err := attestation.ParseContract([]byte(text)); !errors.Is(err, attestation.ErrContract) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a": true, "my-app-2": true, strings.Repeat("a", 63): true,
		"": false, strings.Repeat("a", 64): false, "-a": false, "a-": false, "A": false, "a_b": false, "a/b": false, "a\n": false, "é": false, "a b": false,
	} {
		if attestation.ValidName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
