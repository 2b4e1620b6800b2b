package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

const (
	attestationService = "controlplane.v1.AttestationService/"
	stateService       = "controlplane.v1.AttestationStateService/"
)

// begin makes a workflow and begins a run of it, as attestation init does (§6.2).
func (s site) begin(t *testing.T, workflow string) (run string) {
	t.Helper()
	s.controlplane.must(t, attestationService+"FindOrCreateWorkflow", text(4, workflow), text(5, "shop"))
	return s.controlplane.must(t, attestationService+"Init", text(4, workflow), text(5, "shop")).at(t, 1, 2).text(1)
}

// bundle is what attestation push sends (§6.4), with one material.
func bundle(run, materialHex, annotation string) []byte {
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"chainloop.workflow.build","digest":{"sha256":"%064d"}}],`+
		`"predicateType":"chainloop.dev/attestation/v0.2","predicate":{"metadata":{"workflowRunID":%q},"materials":[{"name":"m","digest":{"sha256":%q},"annotations":{%q:true}}]}}`,
		0, run, materialHex, annotation)
	return []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.3","verificationMaterial":{},"dsseEnvelope":{"payload":"` +
		base64.StdEncoding.EncodeToString([]byte(statement)) + `","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"c2ln"}]}}`)
}

// §6.1–§6.4: init, add and push, with everything that the client reads unchecked or that
// its own validation asks for.
func TestAttestation(t *testing.T) {
	t.Parallel()
	s := newSite(t, "attesting")
	c := s.controlplane
	workflow := c.must(t, attestationService+"FindOrCreateWorkflow", text(4, "build"), text(5, "shop")).at(t, 1)
	workflow.only(t, "WorkflowItem", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	if !isUUID(workflow.text(1)) || workflow.text(2) != "build" || workflow.text(3) != "shop" || workflow.text(8) == "" || workflow.number(11) != 1 {
		t.Errorf("workflow %v", workflow)
	}
	got := c.must(t, attestationService+"GetContract", text(2, "build"), text(3, "shop")).at(t, 1)
	if got.at(t, 1).text(1) != workflow.text(1) {
		t.Errorf("workflow of the contract %v", got)
	}
	contract := got.at(t, 2)
	contract.only(t, "WorkflowContractVersionItem", 1, 2, 3, 5, 6, 7)
	var document struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Spec             map[string]any
	}
	body := contract.at(t, 5)
	if err := json.Unmarshal([]byte(body.text(1)), &document); err != nil || body.number(2) != 1 || contract.number(2) != 1 || contract.text(6) != workflow.text(8) {
		t.Errorf("contract %v, %v", contract, err)
	}
	if document.APIVersion != "chainloop.dev/v1" || document.Kind != "Contract" || document.Metadata.Name == "" || document.Spec == nil {
		t.Errorf("document %+v", document)
	}

	// Init may come more than once.
	c.must(t, attestationService+"Init", text(4, "build"), text(5, "shop"))
	begun := c.must(t, attestationService+"Init", number(1, 1), text(2, "https://ci/1"), number(3, 1), text(4, "build"), text(5, "shop"), text(6, "v1.2")).at(t, 1)
	begun.only(t, "Init Result", 2, 3, 4, 5, 6, 7, 8, 9)
	run := begun.at(t, 2)
	if !isUUID(run.text(1)) || begun.text(3) != s.name || run.number(12) != 1 || run.at(t, 6).text(1) != workflow.text(1) || run.at(t, 13).text(2) != "v1.2" || run.text(7) != "https://ci/1" || run.number(8) != 1 {
		t.Errorf("run %v", begun)
	}
	latest := c.must(t, attestationService+"Init", text(4, "build"), text(5, "shop"), yes(8)).at(t, 1, 2)
	if latest.at(t, 13).text(2) != "v1.2" {
		t.Errorf("--latest-version: %v", latest)
	}

	creds := c.must(t, attestationService+"GetUploadCreds", text(1, run.text(1))).at(t, 1)
	creds.only(t, "GetUploadCreds Result", 2, 3)
	checkBackend(t, creds.at(t, 3))
	material := []byte("the material")
	uploader := caller{conn: dial(t, daemon.CAS.GRPC), token: creds.text(2)}
	if _, err := uploader.exchange(t, writeMethod, pieces(nameOf(t, "m.txt", material), material), true); err != nil {
		t.Fatal(err)
	}
	pushed := bundle(run.text(1), hexOf(material), "chainloop.material.cas")
	for range 2 { // again, for a client that did not get the answer
		if d := c.must(t, attestationService+"Store", text(2, run.text(1)), data(5, pushed)).at(t, 1).text(2); d != "sha256:"+hexOf(pushed) {
			t.Errorf("digest %q", d)
		}
	}
	// W26: it is in the CAS as it was pushed, under the name of §6.4.
	if stored, err := s.read(t, hexOf(pushed)); err != nil || string(stored) != string(pushed) {
		t.Errorf("stored %d bytes, %v", len(stored), err)
	}
	told := s.cas(t, 1, "sha256:"+hexOf(pushed)).must(t, describeMethod, text(1, hexOf(pushed))).at(t, 1)
	if told.text(1) != "attestation-"+run.text(1)+".json" {
		t.Errorf("told %q", told.text(1))
	}
	for what, call := range map[string]func() error{
		"another bundle": func() error {
			_, err := c.call(t, attestationService+"Store", text(2, run.text(1)), data(5, append(pushed, ' ')))
			return err
		},
		"credentials of what has ended": func() error {
			_, err := c.call(t, attestationService+"GetUploadCreds", text(1, run.text(1)))
			return err
		},
		"cancel what succeeded": func() error {
			_, err := c.call(t, attestationService+"Cancel", text(1, run.text(1)), number(2, 2))
			return err
		},
	} {
		refused{code: codes.FailedPrecondition}.check(t, what, call())
	}
}

// W26: what a bundle says is stored has to be; and it is for the run that it names.
func TestW26_StoreRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, "strict")
	run := s.begin(t, "build")
	missing := hexOf([]byte("never uploaded"))
	for what, tc := range map[string]struct {
		bundle []byte
		want   refused
	}{
		"a material that is missing": {bundle(run, missing, "chainloop.material.cas"), refused{codes.FailedPrecondition, missing, ""}},
		"another run's":              {bundle("0f8fad5b-d9cb-469f-a165-70867728950e", missing, "x"), refused{codes.InvalidArgument, "another workflow run", ""}},
		"nothing":                    {nil, refused{codes.InvalidArgument, "bundle", ""}},
		"no bundle":                  {[]byte(`{}`), refused{codes.InvalidArgument, "bundle", ""}},
		"not signed":                 {[]byte(strings.Replace(string(bundle(run, missing, "x")), `{"sig":"c2ln"}`, "", 1)), refused{codes.InvalidArgument, "not signed", ""}},
	} {
		_, err := s.controlplane.call(t, attestationService+"Store", text(2, run), data(5, tc.bundle))
		tc.want.check(t, what, err)
	}
	// Beyond the limit of messages gRPC itself answers, which is permanent as well.
	_, err := s.controlplane.call(t, attestationService+"Store", text(2, run), data(5, make([]byte, 4<<20)))
	if err == nil || !strings.Contains(err.Error(), "ResourceExhausted") {
		t.Errorf("more than a message may have: %v", err)
	}
	s.controlplane.must(t, attestationService+"Store", text(2, run), data(5, bundle(run, missing, "chainloop.material.cas.inline")))
}

// Every id of another organization is not found, and every malformed one is invalid: no
// answer tells which ids there are.
func TestRunsOfOthers(t *testing.T) {
	t.Parallel()
	s, other := newSite(t, "mine"), newSite(t, "theirs")
	run := other.begin(t, "build")
	good := bundle(run, hexOf(nil), "x")
	for _, tc := range []struct {
		method string
		id     func(string) []byte
		rest   []byte
	}{
		{attestationService + "GetUploadCreds", func(id string) []byte { return text(1, id) }, nil},
		{attestationService + "Store", func(id string) []byte { return text(2, id) }, data(5, good)},
		{attestationService + "Cancel", func(id string) []byte { return text(1, id) }, number(2, 1)},
		{stateService + "Initialized", func(id string) []byte { return text(1, id) }, nil},
		{stateService + "Save", func(id string) []byte { return text(1, id) }, data(2, text(1, "state"))},
		{stateService + "Read", func(id string) []byte { return text(1, id) }, nil},
		{stateService + "Reset", func(id string) []byte { return text(1, id) }, nil},
	} {
		for id, want := range map[string]refused{
			run:                                    {code: codes.NotFound, message: "there is no such workflow run"},
			"0f8fad5b-d9cb-469f-a165-70867728950e": {code: codes.NotFound, message: "there is no such workflow run"},
			"":                                     {code: codes.InvalidArgument},
			strings.ToUpper(run):                   {code: codes.InvalidArgument},
			"'; DROP TABLE workflow_runs":          {code: codes.InvalidArgument},
		} {
			_, err := s.controlplane.call(t, tc.method, tc.id(id), tc.rest)
			want.check(t, tc.method+" "+id, err)
		}
	}
	_, err := s.controlplane.call(t, attestationService+"GetContract", text(2, "build"), text(3, "shop"))
	refused{code: codes.NotFound}.check(t, "a workflow of another organization", err)
	other.controlplane.must(t, attestationService+"GetUploadCreds", text(1, run))
}

// §6.1: what init refuses, and reset does.
func TestInitAndCancel(t *testing.T) {
	t.Parallel()
	s := newSite(t, "resetting")
	run := s.begin(t, "build")
	for what, tc := range map[string]struct {
		method string
		fields [][]byte
		code   codes.Code
	}{
		"no workflow's name":    {"FindOrCreateWorkflow", [][]byte{text(5, "shop")}, codes.InvalidArgument},
		"no project":            {"FindOrCreateWorkflow", [][]byte{text(4, "build")}, codes.InvalidArgument},
		"a contract of no name": {"FindOrCreateWorkflow", [][]byte{text(4, "b"), text(5, "shop"), text(6, "none")}, codes.NotFound},
		"a contract in CUE":     {"FindOrCreateWorkflow", [][]byte{text(4, "b"), text(5, "shop"), text(7, "materials: [...string]")}, codes.InvalidArgument},
		"a large contract":      {"FindOrCreateWorkflow", [][]byte{text(4, "b"), text(5, "shop"), data(7, make([]byte, 256<<10+1))}, codes.ResourceExhausted},
		"no such workflow":      {"Init", [][]byte{text(4, "none"), text(5, "shop")}, codes.NotFound},
		"no such revision":      {"Init", [][]byte{number(1, 2), text(4, "build"), text(5, "shop")}, codes.NotFound},
		"no latest version":     {"Init", [][]byte{text(4, "build"), text(5, "shop"), yes(8)}, codes.NotFound},
		"no such version":       {"Init", [][]byte{text(4, "build"), text(5, "shop"), text(6, "v9"), yes(7)}, codes.NotFound},
		"two versions":          {"Init", [][]byte{text(4, "build"), text(5, "shop"), text(6, "v9"), yes(8)}, codes.InvalidArgument},
		"an unknown runner":     {"Init", [][]byte{number(3, 99), text(4, "build"), text(5, "shop")}, codes.InvalidArgument},
		"a policy":              {"GetPolicy", [][]byte{text(1, "p"), text(2, "n")}, codes.NotFound},
		"a policy group":        {"GetPolicyGroup", [][]byte{text(1, "p"), text(2, "n")}, codes.NotFound},
		"cancel for no reason":  {"Cancel", [][]byte{text(1, run)}, codes.InvalidArgument},
	} {
		_, err := s.controlplane.call(t, attestationService+tc.method, tc.fields...)
		refused{code: tc.code}.check(t, what, err)
	}
	const yaml = "apiVersion: chainloop.dev/v1\nkind: Contract\nmetadata:\n  name: own\nspec: {}\n"
	if w := s.controlplane.must(t, attestationService+"FindOrCreateWorkflow", text(4, "own"), text(5, "shop"), text(7, yaml)).at(t, 1); w.text(8) != "own" {
		t.Errorf("workflow %v", w)
	}
	if body := s.controlplane.must(t, attestationService+"GetContract", text(2, "own"), text(3, "shop")).at(t, 1, 2, 5); body.text(1) != yaml || body.number(2) != 2 {
		t.Errorf("contract %v", body)
	}
	full := yaml + "# " + strings.Repeat("x", 256<<10-len(yaml)-2)
	s.controlplane.must(t, attestationService+"FindOrCreateWorkflow", text(4, "full"), text(5, "shop"), text(6, "full"), text(7, full))
	for range 2 {
		s.controlplane.must(t, attestationService+"Cancel", text(1, run), number(2, 1), text(3, "build\nfailed "+strings.Repeat("x", 5000)))
	}
	_, err := s.controlplane.call(t, attestationService+"Store", text(2, run), data(5, bundle(run, hexOf(nil), "x")))
	refused{code: codes.FailedPrecondition}.check(t, "push what was reset", err)
}

// §6.1: with --remote-state. What the server does not know of a state comes back as it was.
func TestRemoteState(t *testing.T) {
	t.Parallel()
	s := newSite(t, "stateful")
	c, run := s.controlplane, s.begin(t, "build")
	initialized := func() uint64 { return c.must(t, stateService+"Initialized", text(1, run)).at(t, 1).number(1) }
	if initialized() != 0 {
		t.Error("initialized before it was")
	}
	_, err := c.call(t, stateService+"Read", text(1, run))
	refused{code: codes.NotFound}.check(t, "none", err)
	one, two := append(text(1, "one"), number(200, 7)...), text(9, "two")
	first := c.must(t, stateService+"Save", text(1, run), data(2, one)).text(1)
	kept := c.must(t, stateService+"Read", text(1, run)).at(t, 1)
	if kept.text(2) != string(one) || kept.text(3) != first || initialized() != 1 {
		t.Errorf("kept %v", kept)
	}
	c.must(t, stateService+"Save", text(1, run), data(2, two), text(3, first))
	_, err = c.call(t, stateService+"Save", text(1, run), data(2, one), text(3, first))
	refused{code: codes.Aborted, reason: "ATTESTATION_STATE_ERROR_CONFLICT"}.check(t, "a lost update", err)
	_, err = c.call(t, stateService+"Save", text(1, run), data(2, data(1, make([]byte, 1<<20))))
	refused{code: codes.ResourceExhausted, message: "it may have 1048576 bytes"}.check(t, "too large", err)
	c.must(t, stateService+"Save", text(1, run), data(2, data(1, make([]byte, 1<<20-4))))
	c.must(t, stateService+"Reset", text(1, run))
	if initialized() != 0 {
		t.Error("initialized after a reset")
	}
}
