package decisions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator"
)

// refusal is how the services report one fault. S3 and S3 Control, STS and IAM, and
// KMS each have their own words (facts AWS §4.6; the pages on common errors of the
// S3, STS and KMS API references).
type refusal struct{ s3, query, kms string }

func (r refusal) by(service string) string {
	switch service {
	case "s3", "s3control":
		return r.s3
	case "kms":
		return r.kms
	}
	return r.query
}

// TestI9_NothingIsLetInUnsigned: the root user's own requests, which every policy
// allows, are refused by every service when anything is wrong with who sends them.
func TestI9_NothingIsLetInUnsigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.session("orgA")
	token, err := session.config.Credentials.Retrieve(t.Context())
	w.must(err)
	mismatch := refusal{"SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"}
	unknown := refusal{"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"}
	scope := refusal{"AuthorizationHeaderMalformed", "SignatureDoesNotMatch", "InvalidSignatureException"}
	skewed := refusal{"RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"}
	faults := map[string]struct {
		forge func(*claim)
		want  refusal
	}{
		"unsigned":                 {func(c *claim) { c.unsigned = true }, refusal{"AccessDenied", "MissingAuthenticationToken", "MissingAuthenticationTokenException"}},
		"wrong secret":             {func(c *claim) { c.key.SecretAccessKey = "guess" }, mismatch},
		"no secret":                {func(c *claim) { c.key.SecretAccessKey = "" }, mismatch},
		"unknown key":              {func(c *claim) { c.key.AccessKeyID = "AKIAIOSFODNN7EXAMPLE" }, unknown},
		"token without need":       {func(c *claim) { c.key.SessionToken = "token" }, unknown},
		"session without token":    {func(c *claim) { c.key = token; c.key.SessionToken = "" }, unknown},
		"session with wrong token": {func(c *claim) { c.key = token; c.key.SessionToken += "x" }, unknown},
		"wrong Region":             {func(c *claim) { c.region = "ap-southeast-2" }, scope},
		"clock 16 minutes behind":  {func(c *claim) { c.at = c.at.Add(-16 * time.Minute) }, skewed},
		"clock 16 minutes ahead":   {func(c *claim) { c.at = c.at.Add(16 * time.Minute) }, skewed},
		"signature changed":        {func(c *claim) { c.tamper = changeSignature }, mismatch},
		"query added":              {func(c *claim) { c.tamper = func(r *http.Request) { r.URL.RawQuery = "x-id=1" } }, mismatch},
		"host changed":             {func(c *claim) { c.tamper = func(r *http.Request) { r.Host = "other." + r.URL.Host } }, mismatch},
	}
	for service, request := range asks() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			if status, body, _ := w.send(t, request, w.rightful(service)); status != 200 {
				t.Fatalf("the root user's own request: %d %s", status, body)
			}
			for name, fault := range faults {
				c := w.rightful(service)
				fault.forge(&c)
				status, body, entry := w.send(t, request, c)
				want := fault.want.by(service)
				if status/100 != 4 || !strings.Contains(body, want) || entry.Code != want {
					t.Errorf("%s: %d %s (journal: %q), want %s", name, status, body, entry.Code, want)
				}
				if entry.Caller != "" && name != "unsigned" {
					t.Errorf("%s: the journal believes that it was %s", name, entry.Caller)
				}
			}
		})
	}
}

func changeSignature(r *http.Request) {
	h := r.Header.Get("Authorization")
	last := map[bool]string{true: "1", false: "0"}[strings.HasSuffix(h, "0")]
	r.Header.Set("Authorization", h[:len(h)-1]+last)
}

// TestSignatureForAnotherService: a signature made for one service opens no other.
func TestSignatureForAnotherService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for service, request := range asks() {
		for _, other := range []string{"s3", "sts", "iam", "kms", "ec2"} {
			c := w.rightful(service)
			if c.service == other {
				continue
			}
			c.service = other
			if status, body, _ := w.send(t, request, c); status < 400 {
				t.Errorf("a request to %s signed for %s: %d %s", service, other, status, body)
			}
		}
	}
}

// TestI9_NoSwitchTurnsEnforcementOff: nothing that the embedded AWS is given can turn
// enforcement off. A new setting fails here until somebody has thought about it.
func TestI9_NoSwitchTurnsEnforcementOff(t *testing.T) {
	t.Parallel()
	var settings []string
	for f := range reflect.TypeFor[emulator.Config]().Fields() {
		settings = append(settings, f.Name)
	}
	// The quotas bound how much there may be, not who may.
	if want := []string{"Dir", "AccountID", "Region", "Hosts", "AccessPoints", "Policies", "Log"}; !slices.Equal(settings, want) {
		t.Errorf("settings %q, want %q: can one of them weaken enforcement?", settings, want)
	}
	const root = "../../internal/emulator"
	files := 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		return readsNoEnvironment(t, path)
	})
	if err != nil || files == 0 {
		t.Errorf("%d files read: %v", files, err)
	}
}

// readsNoEnvironment reports where a file asks for environment variables or flags.
func readsNoEnvironment(t *testing.T, path string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return err
	}
	for _, imported := range file.Imports {
		if name := strings.Trim(imported.Path.Value, `"`); name == "flag" || strings.Contains(name, "pflag") || name == "expvar" {
			t.Errorf("%s imports %s", set.Position(imported.Pos()), name)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := call.X.(*ast.Ident)
		if ok && (pkg.Name == "os" || pkg.Name == "syscall") && slices.Contains([]string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args"}, call.Sel.Name) {
			t.Errorf("%s uses %s.%s", set.Position(n.Pos()), pkg.Name, call.Sel.Name)
		}
		return true
	})
	return nil
}
